/** Continues from an earlier run's journal and what the store has, or begins a new journal. */
import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { archiveStem, type ArchiveName } from '../catalog/names.js';
import type { Secret } from '../config/secret.js';
import type { Emit } from '../events.js';
import { keyFingerprint, type KeyMaterial } from '../journal/identity.js';
import { Journal } from '../journal/journal.js';
import type { JournalPaths, LoadedJournal } from '../journal/load.js';
import { JOURNAL_FORMAT, type ShapingOptions } from '../journal/records.js';
import { fileIdsToList, planResume, type ResumePlan, type VolumePlan } from '../journal/resume.js';
import type { KeyFile } from '../openpgp/recipients.js';
import type { FileVersion, ObjectStore, PartInfo } from '../store.js';
import { cancelUpload, deleteSuperseded, discardVolume, removeUnnamed } from './abandon.js';
import type { StoredCheck, StoredArchive } from './stored-archive.js';
import { tidyAfter } from './tidy.js';
import type { VolumeFate } from './large-volume.js';

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
  /** Called before a run starts without a journal. @throws Failure where what is stored is not ours to replace */
  readonly admit: () => Promise<StoredCheck>;
  /** The owner wants everything sent again, whatever is stored. */
  readonly again: boolean;
  /** Key of a new journal's digests, hex, if volumes are recognised across archives; otherwise it is random. */
  readonly digestKey: string | undefined;
}

export type Joined =
  | {
      readonly kind: 'run';
      readonly journal: Journal;
      readonly fates: ReadonlyMap<number, VolumeFate>;
    }
  /** The archive is complete in the store, and leftovers have been removed. */
  | ({ readonly kind: 'stored' } & StoredArchive);

export async function joinEarlierRun(run: ThisRun): Promise<Joined> {
  const { earlier, store, emit } = run;
  if (earlier === undefined) return begin(run, []);
  const plan = await decide(run, earlier);
  for (const message of plan.kind === 'done' ? [] : plan.notes) emit({ type: 'notice', message });
  emit({ type: 'notice', message: plan.kind === 'fresh' ? `starting over: ${plan.reason}` : plan.reason });

  const journal = await Journal.resume(run.paths, earlier);
  try {
    if (plan.kind === 'done') {
      await tidyAfter(store, run.name, journal.state, emit);
      if (!run.again) return { kind: 'stored', manifest: plan.manifest, journal };
      await journal.remove();
      return await begin(run, []);
    }
    const fates =
      plan.kind === 'resume' ? await applyPlan(plan.volumes, journal, run) : new Map<number, VolumeFate>();
    for (const stray of plan.cancel) await cancelUpload(store, stray, emit);
    if (plan.kind === 'resume') return { kind: 'run', journal, fates };
  } catch (error) {
    await journal.close();
    throw error;
  }
  await journal.close();
  return begin(run, plan.supersedes);
}

async function begin(run: ThisRun, supersedes: readonly string[]): Promise<Joined> {
  const { store, name, emit } = run;
  const before = await run.admit();
  if (before.kind === 'new') {
    const runs = new Set([...supersedes, ...before.supersedes]);
    return { kind: 'run', journal: await beginJournal(run, [...runs]), fates: new Map() };
  }
  const { manifest, host, number, finishedAt } = before.archive;
  if (manifest === undefined) throw new Error('an archive without manifest is not finished');
  const since = finishedAt === undefined ? '' : ` since ${new Date(finishedAt).toISOString().slice(0, 16)}Z`;
  emit({
    type: 'notice',
    message: `${host} #${number} is already complete in B2${since}, made with the same settings; --again sends it again`,
  });
  const stem = archiveStem(name);
  await deleteSuperseded(store, stem, [...supersedes, ...before.superseded], emit);
  const named = [manifest, ...before.archive.volumes, ...before.archive.others];
  await removeUnnamed(store, stem, before.archive.run, new Set(named.map(({ fileId }) => fileId)), emit);
  return {
    kind: 'stored',
    manifest: { fileId: manifest.fileId, fileName: manifest.name, contentLength: manifest.bytes },
    journal: undefined,
  };
}

async function decide(run: ThisRun, earlier: LoadedJournal): Promise<ResumePlan> {
  const { store } = run;
  const { archive } = earlier.state;
  const keys = fingerprint(run, archive.digestKey);
  const versions: FileVersion[] = [];
  for await (const version of store.listVersions(archiveStem(run.name))) versions.push(version);
  const unfinished = new Set(versions.flatMap(({ action, fileId }) => (action === 'start' ? [fileId] : [])));
  const parts = new Map<string, PartInfo[]>();
  for (const fileId of fileIdsToList(earlier.state)) {
    if (!unfinished.has(fileId)) continue;
    const listed: PartInfo[] = [];
    for await (const part of store.listParts(fileId)) listed.push(part);
    parts.set(fileId, listed);
  }
  return planResume({ journal: earlier, options: run.options, keys: await keys, versions, parts });
}

async function applyPlan(
  plans: ReadonlyMap<number, VolumePlan>,
  journal: Journal,
  { store, emit }: ThisRun,
): Promise<Map<number, VolumeFate>> {
  const fates = new Map<number, VolumeFate>();
  for (const [index, plan] of plans) {
    const word = plan.kind === 'anew' ? 'starts over' : plan.kind === 'skip' ? 'is skipped' : 'continues';
    // The plan's own line has said how many: there may be thousands.
    emit({ type: 'detail', message: `volume ${index + 1} ${word}: ${plan.reason}` });
    switch (plan.kind) {
      case 'skip':
        if (plan.record && plan.volume.keyId === null)
          journal.finishWholeVolume(index, plan.fileId, plan.sentAt);
        else if (plan.record) await journal.finishVolume(index, plan.fileId);
        fates.set(index, { kind: 'skip' });
        break;
      case 'continue':
        fates.set(index, { kind: 'continue', secrets: plan.secrets, held: plan.stored });
        break;
      case 'anew':
        await discardVolume(store, journal, plan.volume, plan.reason, emit);
        break;
    }
  }
  return fates;
}

async function beginJournal(run: ThisRun, supersedes: readonly string[]): Promise<Journal> {
  const digestKey = run.digestKey ?? randomBytes(32).toString('hex');
  return Journal.begin(run.paths, {
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
  });
}

/** Text is kept as it is: that is how version 1.0 wrote it into journals. */
function comparable(octets: Uint8Array): string {
  return isUtf8(octets)
    ? Buffer.from(octets).toString('utf8')
    : `octets ${Buffer.from(octets).toString('hex')}`;
}

function fingerprint(run: ThisRun, digestKey: string): Promise<string> {
  return keyFingerprint(keyMaterial(run), digestKey);
}

export function keyMaterial({
  passphrases,
  recipients,
}: Pick<ThisRun, 'passphrases' | 'recipients'>): KeyMaterial {
  return {
    passphrases: passphrases.map((passphrase) => comparable(passphrase.octets())),
    recipients: recipients.map(({ contents }) => createHash('sha256').update(contents).digest('hex')),
  };
}
