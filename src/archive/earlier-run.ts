/** Joins a journal that an earlier run left with what the store has, or begins a new one. */
import { createHash, randomBytes } from 'node:crypto';
import { volumeName, type ArchiveName } from '../catalog/names.js';
import type { Secret } from '../config/secret.js';
import type { Emit } from '../events.js';
import { keyFingerprint } from '../journal/identity.js';
import { Journal, type JournalPaths, type LoadedJournal } from '../journal/journal.js';
import { JOURNAL_FORMAT, type ShapingOptions } from '../journal/records.js';
import { fileIdsToList, planResume, type ResumePlan } from '../journal/resume.js';
import type { KeyFile } from '../openpgp/recipients.js';
import type { FileVersion, ObjectStore, PartInfo } from '../storage/store.js';
import type { VolumeFate } from './volume.js';

export interface ThisRun {
  readonly paths: JournalPaths;
  readonly earlier: LoadedJournal | undefined;
  readonly host: string;
  readonly number: number;
  readonly bucket: string;
  readonly name: ArchiveName;
  readonly options: ShapingOptions;
  readonly passphrases: readonly Secret[];
  readonly recipients: readonly KeyFile[];
  readonly startedAt: Date;
  readonly store: ObjectStore;
  readonly emit: Emit;
  /** A failpoint for tests: see `JournalOptions`. */
  readonly onDurable?: ((records: number) => void) | undefined;
}

export type Joined =
  /** Nothing to do: the archive is whole, only its journal was left. */
  | { readonly kind: 'done'; readonly journal: Journal; readonly manifest: FileVersion }
  | { readonly kind: 'open'; readonly journal: Journal; readonly fates: ReadonlyMap<number, VolumeFate> };

export async function joinEarlierRun(run: ThisRun): Promise<Joined> {
  const { earlier, store, emit, paths } = run;
  const plan = await planFor(run);
  emit({ type: earlier === undefined ? 'detail' : 'notice', message: plan.reason });
  if (plan.kind === 'done') {
    if (earlier === undefined) throw new Error('a finished run without a journal');
    return { kind: 'done', journal: await Journal.resume(paths, earlier, run), manifest: plan.manifest };
  }
  for (const message of plan.notes) emit({ type: 'detail', message });

  if (plan.kind === 'fresh' || earlier === undefined) {
    await cancelAll(plan, store, emit);
    return { kind: 'open', journal: await beginJournal(run, plan.kind === 'fresh' ? plan.supersedes : []), fates: new Map() };
  }
  const journal = await Journal.resume(paths, earlier, run);
  const fates = new Map<number, VolumeFate>();
  for (const [index, volume] of plan.volumes) {
    emit({ type: 'detail', message: `volume ${index + 1}: ${volume.reason}` });
    if (volume.kind === 'anew') await journal.abandonVolume(index, volume.reason);
    else {
      if (volume.kind === 'skip' && volume.record) await journal.finishVolume(index, volume.fileId);
      fates.set(index, volume);
    }
  }
  await cancelAll(plan, store, emit);
  return { kind: 'open', journal, fates };
}

async function planFor(run: ThisRun): Promise<ResumePlan> {
  const { earlier, store, name, options } = run;
  if (earlier === undefined) return planResume({ journal: undefined, options, keys: '', versions: [], parts: new Map() });
  // One listing for all volumes and the manifest: the common beginning of their names.
  const versions: FileVersion[] = [];
  const stem = volumeName({ ...name, extension: '' }, 0, false).replace(/\.gpg$/, '');
  for await (const version of store.listVersions(stem)) versions.push(version);
  const parts = new Map<string, PartInfo[]>();
  const unfinished = new Set(versions.filter(({ action }) => action === 'start').map(({ fileId }) => fileId));
  for (const fileId of fileIdsToList(earlier.state)) {
    if (!unfinished.has(fileId)) continue;
    const held: PartInfo[] = [];
    for await (const part of store.listParts(fileId)) held.push(part);
    parts.set(fileId, held);
  }
  return planResume({ journal: earlier, options, keys: await fingerprint(run, earlier.state.archive.digestKey), versions, parts });
}

async function cancelAll({ cancel }: Exclude<ResumePlan, { kind: 'done' }>, store: ObjectStore, emit: Emit): Promise<void> {
  for (const { fileId, fileName, reason } of cancel) {
    emit({ type: 'detail', message: `cancelled the unfinished ${fileName}: ${reason}` });
    await store.cancelLarge(fileId);
  }
}

async function beginJournal(run: ThisRun, supersedes: readonly string[]): Promise<Journal> {
  const digestKey = randomBytes(32).toString('hex');
  return Journal.begin(
    run.paths,
    {
      type: 'archive',
      format: JOURNAL_FORMAT,
      run: randomBytes(8).toString('hex'),
      host: run.host,
      number: run.number,
      bucket: run.bucket,
      startedAt: run.startedAt.toISOString(),
      options: run.options,
      keys: await fingerprint(run, digestKey),
      digestKey,
      supersedes,
    },
    run,
  );
}

function fingerprint({ passphrases, recipients }: ThisRun, digestKey: string): Promise<string> {
  return keyFingerprint(
    {
      passphrases: passphrases.map((passphrase) => passphrase.reveal()),
      recipients: recipients.map(({ contents }) => createHash('sha256').update(contents).digest('hex')),
    },
    digestKey,
  );
}
