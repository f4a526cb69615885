/** One archive: as many readings of the source as it takes, then the manifest. */
import type { ExpectedContent } from '../backuppc/completeness.js';
import type { TarSource } from '../backuppc/source.js';
import { archiveStem, indexName, type ArchiveName } from '../catalog/names.js';
import type { HashedObject, Manifest, ReuseRecord } from '../catalog/manifest.js';
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { Spool } from '../journal/spool.js';
import { volumesToAbandon } from '../journal/changed-source.js';
import type { JournalState, VolumeState } from '../journal/state.js';
import type { Sealer } from '../sealing/ports.js';
import type { ObjectStore } from '../store.js';
import { Admission } from './admission.js';
import { deleteSuperseded, removeUnnamed, discardVolume } from './abandon.js';
import { restart, type RunCounters } from './counters.js';
import type { ReadAgain, CompleteKept } from './interruption.js';
import type { VolumeFate } from './large-volume.js';
import type { Layout } from './layout.js';
import { manifestOf, type ArchiveFacts } from './manifest-of.js';
import type { ObjectMetas } from './object-meta.js';
import { openMemberIndex } from './member-index.js';
import type { StoredJudge } from './proven-archive.js';
import { readOnce, type ReadingEnd, type WholeReading } from './reading.js';
import { lostVolumes } from './lost-volumes.js';
import { storeManifest, type ManifestTools } from './store-manifest.js';

/** Of an archive that has its manifest. */
export interface StoredSummary {
  readonly state: Manifest['state'];
  readonly reasons: readonly string[];
  readonly tarBytes: number;
  readonly storedBytes: number;
  readonly volumes: number;
}

export function summaryOf({ state, reasons, tar, volumes }: Manifest): StoredSummary {
  const storedBytes = volumes.reduce((sum, { bytes }) => sum + bytes, 0);
  return { state, reasons, tarBytes: tar.bytes, storedBytes, volumes: volumes.length };
}

/** What an archive run works with. */
export interface RunTools {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly journal: Journal;
  readonly spool: Spool | undefined;
  readonly sign: ManifestTools['sign'];
  readonly judge: StoredJudge;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly counters: RunCounters;
  readonly stop: AbortSignal;
}

export interface Source {
  /** Starts a new reading of the same tar. */
  readonly open: () => Promise<TarSource>;
  /** Whether it can be opened again: standard input cannot. */
  readonly readableAgain: boolean;
  readonly expected: ExpectedContent | undefined;
  readonly allowPartial: boolean;
}

export interface RunOptions {
  readonly tools: RunTools;
  readonly facts: ArchiveFacts;
  readonly name: ArchiveName;
  readonly metas: ObjectMetas;
  readonly source: Source;
  readonly layout: (fates: ReadonlyMap<number, VolumeFate>, signal: AbortSignal) => Layout;
  /** What the sealed manifest says for the next archive, once all volumes are finished; undefined where it needs nothing. */
  readonly reuse: (state: JournalState) => ReuseRecord | undefined;
  /** Whether the archive gets a member index. */
  readonly index: boolean;
  /** Decided from the journal and the store's lists; volumes without an entry start over. */
  readonly fates: ReadonlyMap<number, VolumeFate>;
  /** Whether an earlier run of the same archive may have left unrecorded objects. */
  readonly resumed: boolean;
}

export interface RunResult {
  readonly archive: StoredSummary;
  /** undefined where the key may not read one that was stored earlier. */
  readonly manifest: Manifest | undefined;
  /** COMPLETE as stored; undefined if another run stored it. */
  readonly complete: HashedObject | undefined;
  readonly manifestName: string;
  /** The source failed outright, and `--allow-partial` had the archive finished all the same. */
  readonly sourceFailed: boolean;
}

/** How many readings in a row may finish no volume before the run gives up. */
const FRUITLESS_READINGS = 5;
/** A volume that the store lost, which had waited long for it, is sent once more; lost again, it is left to the next run. */
const LOSSES_OF_ONE_VOLUME = 2;

/** @throws Failure. The journal records what the store has by then: a rerun continues from there. */
export async function runArchive(options: RunOptions): Promise<RunResult> {
  const { tools, facts, name, metas } = options;
  const { store, journal, clock, emit, stop } = tools;
  const admission = new Admission({ ...tools, ...options.source, name, maker: facts.maker });
  const read = await readUntilWhole(options, admission);
  if (read.kind === 'complete-kept') {
    await leaveNothing(options, read.failure.message);
    throw read.failure;
  }
  const { volumes, index, readings } = read;
  for (const volume of [...journal.state.volumes.values()]) {
    if (volume.volume < volumes) continue;
    const reason = 'the source is shorter than before: it ends with an earlier volume';
    await discardVolume(store, journal, volume, reason, emit);
  }

  const manifest = manifestOf(
    facts,
    admission.source,
    journal.state,
    { volumes, index },
    new Date(clock.now()),
  );
  await journal.flush();
  const { complete, fileIds } = await storeManifest(manifest, name, {
    store,
    sealMessage: (data) => tools.sealer.sealMessage(data),
    sign: tools.sign,
    metaOf: metas.of,
    settings: facts.settings,
    reuse: options.reuse(journal.state),
    signal: stop,
  });
  await journal.manifestUp(complete.fileId);
  // Only now: until now they were the only archive.
  await deleteSuperseded(store, archiveStem(name), journal.state.archive.supersedes, emit);
  if (options.resumed || readings > 1 || store.counters.retries > 0) {
    const stored = [...manifest.volumes, ...(index === undefined ? [] : [index])];
    const named = new Set([...fileIds, ...stored.map((object) => object.fileId)]);
    await removeUnnamed(store, archiveStem(name), manifest.run, named, emit);
  }
  return {
    archive: summaryOf(manifest),
    manifest,
    complete,
    manifestName: complete.name,
    sourceFailed: admission.failed,
  };
}

/** Removes what this run has stored: it would hide a better archive of the same name. */
async function leaveNothing({ tools, name }: RunOptions, reason: string): Promise<void> {
  const { store, journal, emit } = tools;
  for (const volume of [...journal.state.volumes.values()])
    await discardVolume(store, journal, volume, reason, emit);
  const { run } = journal.state.archive;
  await removeUnnamed(store, archiveStem(name), run, new Set(), emit);
  await journal.remove();
}

async function readUntilWhole(
  options: RunOptions,
  admission: Admission,
): Promise<(WholeReading & { readonly readings: number }) | CompleteKept> {
  const { tools, source } = options;
  const { journal, emit } = tools;
  let { fates } = options;
  let fruitless = 0;
  let changes = 0;
  const losses = new Map<number, number>();
  for (let readings = 1; ; readings++) {
    const finishedBefore = finishedVolumes(journal).length;
    const end = await readTheSource(options, fates, admission);
    if (end.kind === 'complete-kept') return end;
    let again: ReadAgain;
    if (end.kind === 'whole') {
      const lost = await firstLost(options);
      if (lost === undefined) return { ...end, readings };
      again = lost;
    } else again = end;
    const { reason } = again;
    const named = again.changed ? volumesToAbandon(journal.state, again.volume, changes++) : [again.volume];
    // Volumes under way start over, too: their first parts have passed through memory and are gone.
    for (const volume of [...journal.state.volumes.values()]) {
      if (!named.includes(volume.volume) && volume.finished) continue;
      await tools.spool?.dropVolume(volume.volume);
      await discardVolume(tools.store, journal, volume, reason, emit);
    }
    fruitless = finishedVolumes(journal).length > finishedBefore ? 1 : fruitless + 1;
    if (!source.readableAgain) {
      throw new Failure('unavailable', reason, {
        hint: 'run the archive again: standard input can be read only once',
      });
    }
    const lost = again.changed ? 0 : (losses.get(again.volume) ?? 0) + 1;
    losses.set(again.volume, lost);
    if (lost >= LOSSES_OF_ONE_VOLUME || fruitless >= FRUITLESS_READINGS) {
      throw new Failure('unavailable', `${reason}; gave up after ${readings} readings of the source`, {
        hint: 'run the archive again later: finished volumes are kept',
      });
    }
    emit({ type: 'warning', message: `${reason}; reading the source again` });
    fates = new Map(finishedVolumes(journal).map((volume) => [volume, { kind: 'skip' }]));
  }
}

/** The first volume that somebody removed from the bucket while the archive ran. It starts over. */
async function firstLost({ tools, name }: RunOptions): Promise<ReadAgain | undefined> {
  const { store, journal, emit } = tools;
  const [first, ...others] = await lostVolumes(store, name, journal.state, emit);
  if (first === undefined) return undefined;
  const reason = (volume: VolumeState): string =>
    `volume ${volume.volume + 1} (${volume.name}) was finished, and somebody removed it from the bucket`;
  for (const volume of others) await discardVolume(store, journal, volume, reason(volume), emit);
  return { kind: 'read-again', reason: reason(first), volume: first.volume, changed: false };
}

async function readTheSource(
  { tools, name, metas, source, layout, index }: RunOptions,
  fates: ReadonlyMap<number, VolumeFate>,
  admission: Admission,
): Promise<ReadingEnd> {
  const { store, sealer, journal, emit, counters, spool, stop } = tools;
  const digestKey = Buffer.from(journal.state.archive.digestKey, 'hex');
  const meta = metas.of(indexName(name), 'application/pgp-encrypted');
  restart(counters);
  return readOnce({
    source: await source.open(),
    layout: (signal) => layout(fates, signal),
    openIndex: index
      ? (signal) => openMemberIndex({ sealer, store, meta, digestKey, emit, signal })
      : undefined,
    admit: (end, tar) => admission.decide(end, tar),
    soonAtRest: spool === undefined,
    counters,
    stop,
  });
}

function finishedVolumes(journal: Journal): number[] {
  return [...journal.state.volumes.values()]
    .filter((volume) => volume.finished)
    .map((volume) => volume.volume);
}
