/** One archive: as many readings of the source as it takes, then the manifest. */
import type { ExpectedContent } from '../backuppc/completeness.js';
import type { TarSource } from '../backuppc/source.js';
import { archiveStem, indexName, volumeName, INFO, type ArchiveName } from '../catalog/names.js';
import type { HashedObject, Manifest } from '../catalog/manifest.js';
import { BufferPool } from '../chunks/buffer-pool.js';
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { Spool } from '../journal/spool.js';
import { volumesToAbandon } from '../journal/resume.js';
import type { VolumeState } from '../journal/state.js';
import type { Engine } from '../sealing/engine.js';
import type { ObjectMeta, ObjectStore } from '../store.js';
import { Admission } from './admission.js';
import { BeginAgain } from './begin-again.js';
import { CompleteOneStays } from './complete-one.js';
import { deleteSuperseded, removeUnnamed, giveUpVolume } from './abandon.js';
import { manifestOf, type ArchiveFacts } from './manifest-of.js';
import { openMemberIndex } from './member-index.js';
import { readOnce, type Compress, type WholePass } from './pass.js';
import { lostVolumes } from './still-there.js';
import { storeManifest, type ManifestTools } from './store-manifest.js';
import type { VolumeFate } from './volume.js';

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

/** What a run has done so far, in bytes; read by whoever shows progress. */
export interface RunCounters {
  read: number;
  packed: number;
  skipped: number;
}

export interface RunOptions {
  readonly facts: ArchiveFacts;
  readonly name: ArchiveName;
  /** A fresh reading of the same tar. */
  readonly openSource: () => Promise<TarSource>;
  /** Standard input is not. */
  readonly readableAgain: boolean;
  readonly compress: Compress;
  /** Whether the archive gets a member index. */
  readonly index: boolean;
  readonly engine: Engine;
  readonly sign: ManifestTools['sign'];
  readonly store: ObjectStore;
  readonly journal: Journal;
  /** Decided from the journal and the store's lists; volumes that are not named begin anew. */
  readonly fates: ReadonlyMap<number, VolumeFate>;
  /** Whether an earlier run of the same archive may have left objects that nobody recorded. */
  readonly resumed: boolean;
  readonly partBuffers: number;
  readonly spool: Spool | undefined;
  readonly allowPartial: boolean;
  readonly expected: ExpectedContent | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly stop: AbortSignal;
  readonly counters: RunCounters;
}

export interface RunResult {
  readonly archive: StoredSummary;
  /** undefined where the key may not read one that was stored earlier. */
  readonly manifest: Manifest | undefined;
  /** COMPLETE as it was stored; undefined where another run did that. */
  readonly complete: HashedObject | undefined;
  readonly manifestName: string;
  /** The source failed outright, and `--allow-partial` had the archive finished all the same. */
  readonly sourceFailed: boolean;
}

/** Readings in a row that finished no volume, before giving up. */
const FRUITLESS_READINGS = 5;
/** The same for volumes that the store lost, which it waited long for: one is sent once more, and then left to the next run. */
const LOST_READINGS = 2;

/** @throws Failure. What the store has by then is in the journal: a rerun goes on from there. */
export async function runArchive(options: RunOptions): Promise<RunResult> {
  const { store, journal, facts, clock, stop } = options;
  const admission = new Admission(options);
  const { volumes, index, readings } = await readUntilWhole(options, admission).catch(
    async (error: unknown) => {
      if (error instanceof CompleteOneStays) await leaveNothing(options, error.message);
      throw error;
    },
  );
  for (const volume of [...journal.state.volumes.values()]) {
    if (volume.volume < volumes) continue;
    await giveUpVolume(
      store,
      journal,
      volume,
      'the source is shorter than before: it ends with an earlier volume',
      options.emit,
    );
  }

  const manifest = manifestOf(
    facts,
    admission.source,
    journal.state,
    { volumes, index },
    new Date(clock.now()),
  );
  const { complete, fileIds } = await storeManifest(manifest, options.name, {
    store,
    sealMessage: (data) => options.engine.sealMessage(data),
    sign: options.sign,
    metaOf: (...about) => metaOf(options, ...about),
    settings: facts.settings,
    signal: stop,
  });
  await journal.manifestUp(complete.fileId);
  // Only now: until then they were all there was of an archive.
  await deleteSuperseded(
    store,
    `${archiveStem(options.name)}.`,
    journal.state.archive.supersedes,
    options.emit,
  );
  if (options.resumed || readings > 1 || store.counters.retries > 0) {
    const stored = [...manifest.volumes, ...(index === undefined ? [] : [index])];
    const named = new Set([...fileIds, ...stored.map((object) => object.fileId)]);
    await removeUnnamed(store, `${archiveStem(options.name)}.`, manifest.run, named, options.emit);
  }
  return {
    archive: summaryOf(manifest),
    manifest,
    complete,
    manifestName: complete.name,
    sourceFailed: admission.failed,
  };
}

/** What this run has stored goes: it would lie over the names of an archive that is worth more. */
async function leaveNothing({ store, journal, name, emit }: RunOptions, reason: string): Promise<void> {
  for (const volume of [...journal.state.volumes.values()])
    await giveUpVolume(store, journal, volume, reason, emit);
  const { run } = journal.state.archive;
  await removeUnnamed(store, `${archiveStem(name)}.`, run, new Set(), emit);
  await journal.remove();
}

async function readUntilWhole(
  options: RunOptions,
  admission: Admission,
): Promise<WholePass & { readings: number }> {
  let fates = options.fates;
  let fruitless = 0;
  let changes = 0;
  for (let readings = 1; ; readings++) {
    const finishedBefore = finishedVolumes(options.journal).length;
    try {
      const stored = await readTheSource(options, fates, admission);
      await refuseLostVolumes(options);
      return { ...stored, readings };
    } catch (error) {
      if (!(error instanceof BeginAgain)) throw error;
      const { state } = options.journal;
      const named = error.changed ? volumesToAbandon(state, error.volume, changes++) : [error.volume];
      // Also what was under way begins anew: its first parts went through memory and are gone.
      for (const volume of [...state.volumes.values()]) {
        if (!named.includes(volume.volume) && volume.finished) continue;
        await options.spool?.dropVolume(volume.volume);
        await giveUpVolume(options.store, options.journal, volume, error.message, options.emit);
      }
      fruitless = finishedVolumes(options.journal).length > finishedBefore ? 1 : fruitless + 1;
      if (!options.readableAgain) {
        throw new Failure('unavailable', error.message, {
          hint: 'run the archive again: standard input can be read only once',
          cause: error,
        });
      }
      if (fruitless >= (error.changed ? FRUITLESS_READINGS : LOST_READINGS)) {
        throw new Failure(
          'unavailable',
          `${error.message}; gave up after ${fruitless} readings of the source`,
          {
            hint: 'run the archive again later: finished volumes are kept',
            cause: error,
          },
        );
      }
      options.emit({ type: 'warning', message: `${error.message}; reading the source again` });
      fates = new Map(finishedVolumes(options.journal).map((volume) => [volume, { kind: 'skip' }]));
    }
  }
}

/** What is gone begins anew. @throws BeginAgain */
async function refuseLostVolumes({ store, name, journal, emit }: RunOptions): Promise<void> {
  const [first, ...others] = await lostVolumes(store, name, journal.state, emit);
  if (first === undefined) return;
  const reason = (volume: VolumeState): string =>
    `volume ${volume.volume + 1} (${volume.name}) was finished, and somebody removed it from the bucket`;
  for (const volume of others) await giveUpVolume(store, journal, volume, reason(volume), emit);
  throw new BeginAgain(reason(first), first.volume, false);
}

async function readTheSource(
  options: RunOptions,
  fates: ReadonlyMap<number, VolumeFate>,
  admission: Admission,
): Promise<WholePass> {
  const { engine, store, counters, clock, partBuffers, spool, emit } = options;
  const { layout } = engine;
  const digestKey = Buffer.from(options.journal.state.archive.digestKey, 'hex');
  const indexMeta = metaOf(options, indexName(options.name), 'application/pgp-encrypted', {});
  counters.read = counters.packed = counters.skipped = 0;
  const fresh: VolumeFate = { kind: 'fresh' };
  // With a spool, half of the buffers send from it; three at least go on filling.
  const sending =
    spool === undefined ? 0 : Math.max(1, Math.min(Math.floor(partBuffers / 2), partBuffers - 3));
  return readOnce({
    source: await options.openSource(),
    compress: options.compress,
    openIndex: options.index
      ? (signal) => openMemberIndex({ engine, store, meta: indexMeta, digestKey, emit, signal })
      : undefined,
    plan: {
      splitSize: options.facts.splitSize,
      maxParts: Math.min(store.limits.maxParts, Math.floor(store.limits.maxFileBytes / layout.bufferBytes)),
      dataBytes: (part) => layout.dataBytes(part),
    },
    fateOf: (volume) => fates.get(volume) ?? fresh,
    admit: (end, tar) => admission.decide(end, tar),
    onRead: (bytes) => {
      counters.read += bytes;
    },
    onPacked: (bytes) => {
      counters.packed += bytes;
    },
    onSkipped: (bytes) => {
      counters.skipped += bytes;
    },
    stop: options.stop,
    store,
    engine,
    journal: options.journal,
    buffers: new BufferPool(layout.bufferBytes, partBuffers - sending),
    spool: spool && { spool, buffers: new BufferPool(layout.bufferBytes, sending) },
    digestKey,
    emit,
    monotonic: () => clock.monotonic(),
    meta: (volume) =>
      metaOf(
        options,
        volumeName(options.name, volume, options.facts.splitSize > 0),
        'application/pgp-encrypted',
        { [INFO.volume]: String(volume) },
      ),
  });
}

/** What every object of an archive says of itself. */
function metaOf(
  { facts, journal }: RunOptions,
  fileName: string,
  contentType: string,
  info: Readonly<Record<string, string>>,
): ObjectMeta {
  return {
    fileName,
    contentType,
    fileInfo: {
      [INFO.format]: '1',
      [INFO.host]: facts.host,
      [INFO.number]: String(facts.number),
      [INFO.run]: journal.state.archive.run,
      [INFO.maker]: facts.maker,
      [INFO.codec]: facts.codec.name,
      [INFO.profile]: facts.profile,
      ...info,
    },
  };
}

function finishedVolumes(journal: Journal): number[] {
  return [...journal.state.volumes.values()]
    .filter((volume) => volume.finished)
    .map((volume) => volume.volume);
}
