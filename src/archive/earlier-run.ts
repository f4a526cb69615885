/** Joins a journal that an earlier run left with what the store has, or begins a new one. */
import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { manifestName, type ArchiveName } from '../catalog/names.js';
import type { Secret } from '../config/secret.js';
import type { Emit } from '../events.js';
import { keyFingerprint } from '../journal/identity.js';
import { Journal, type JournalPaths, type LoadedJournal } from '../journal/journal.js';
import { JOURNAL_FORMAT, type ShapingOptions } from '../journal/records.js';
import { fileIdsToList, planResume, type ResumePlan, type VolumePlan } from '../journal/resume.js';
import type { KeyFile } from '../openpgp/recipients.js';
import type { FileVersion, ObjectStore, PartInfo } from '../store.js';
import { cancelStray, giveUpVolume } from './abandon.js';
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

export interface JoinedJournal {
  readonly journal: Journal;
  readonly fates: ReadonlyMap<number, VolumeFate>;
  /** The earlier run had come to its end but for tidying up: there is nothing left to do. */
  readonly manifest?: FileVersion;
}

export async function joinEarlierRun(run: ThisRun): Promise<JoinedJournal> {
  const { earlier, store, emit } = run;
  if (earlier === undefined) return { journal: await beginJournal(run, []), fates: new Map() };
  const plan = await decide(run, earlier);
  for (const message of plan.kind === 'done' ? [] : plan.notes) emit({ type: 'notice', message });
  emit({ type: 'notice', message: plan.kind === 'fresh' ? `beginning anew: ${plan.reason}` : plan.reason });

  const journal = await Journal.resume(run.paths, earlier, { onDurable: run.onDurable });
  if (plan.kind === 'done') return { journal, fates: new Map(), manifest: plan.manifest };
  try {
    const fates =
      plan.kind === 'resume' ? await applyPlan(plan.volumes, journal, run) : new Map<number, VolumeFate>();
    for (const stray of plan.cancel) await cancelStray(store, stray, emit);
    if (plan.kind === 'resume') return { journal, fates };
  } catch (error) {
    await journal.close();
    throw error;
  }
  await journal.close();
  return { journal: await beginJournal(run, plan.supersedes), fates: new Map() };
}

async function decide(run: ThisRun, earlier: LoadedJournal): Promise<ResumePlan> {
  const { store } = run;
  const { archive } = earlier.state;
  const keys = fingerprint(run, archive.digestKey);
  const versions: FileVersion[] = [];
  // One listing: the common beginning of all names of this archive.
  for await (const version of store.listVersions(manifestName(run.name).replace(/COMPLETE$/, '')))
    versions.push(version);
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
    const word = plan.kind === 'anew' ? 'begins anew' : plan.kind === 'skip' ? 'is skipped' : 'continues';
    emit({
      type: plan.kind === 'anew' ? 'notice' : 'detail',
      message: `volume ${index + 1} ${word}: ${plan.reason}`,
    });
    switch (plan.kind) {
      case 'skip':
        if (plan.record) await journal.finishVolume(index, plan.fileId);
        fates.set(index, { kind: 'skip' });
        break;
      case 'continue':
        fates.set(index, { kind: 'continue', secrets: plan.secrets, held: plan.stored });
        break;
      case 'anew':
        await giveUpVolume(store, journal, plan.volume, plan.reason, emit);
        break;
    }
  }
  return fates;
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
    { onDurable: run.onDurable },
  );
}

/** Text stays as it is: journals of version 1.0 have it so. */
function comparable(octets: Uint8Array): string {
  return isUtf8(octets)
    ? Buffer.from(octets).toString('utf8')
    : `octets ${Buffer.from(octets).toString('hex')}`;
}

function fingerprint({ passphrases, recipients }: ThisRun, digestKey: string): Promise<string> {
  return keyFingerprint(
    {
      passphrases: passphrases.map((passphrase) => comparable(passphrase.octets())),
      recipients: recipients.map(({ contents }) => createHash('sha256').update(contents).digest('hex')),
    },
    digestKey,
  );
}
