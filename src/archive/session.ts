/** Everything one archive run needs, opened in the right order and closed again whatever happens. */
import { basename } from 'node:path';
import type { ExpectedContent } from '../backuppc/completeness.js';
import type { TarSource } from '../backuppc/source.js';
import type { Throttle } from '../bandwidth/throttle.js';
import { memoryBytesOf, type MemoryPlan } from '../memory/plan.js';
import { checkPartSize, planBudget, type Budget } from '../memory/budget.js';
import type { CodecChoice } from '../compression/codec-choice.js';
import { compressStream } from '../compression/compress-stream.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/schema.js';
import type { Secret } from '../config/secret.js';
import { readApplicationKey, readKeyFiles, readPassphrases } from '../config/secrets.js';
import { Failure } from '../errors.js';
import type { Emit } from '../events.js';
import {
  journalPaths,
  loadJournal,
  prepareDirectory,
  type JournalPaths,
  type LoadedJournal,
} from '../journal/journal.js';
import { recordFinished } from '../journal/finished-runs.js';
import { encodeMark, openInstallation, settingsMark } from '../journal/installation.js';
import { Spool } from '../journal/spool.js';
import { ArchiveLock, lockWorld } from '../journal/lock.js';
import type { ShapingOptions } from '../journal/records.js';
import type { KeyFile } from '../openpgp/recipients.js';
import type { Engine } from '../sealing/engine.js';
import { createEngine } from '../sealing/pool.js';
import { openB2 } from '../b2/open.js';
import { patienceOf } from '../b2/retry/retry.js';
import type { ObjectStore } from '../store.js';
import { PROGRAM } from '../version.js';
import { joinEarlierRun, keyMaterial } from './earlier-run.js';
import { openSigningKey } from './signing-key.js';
import { admit, readStored, type StoredArchive } from './stored-archive.js';
import { tidyPredecessors } from './tidy.js';
import { runArchive, summaryOf, type RunCounters, type RunResult } from './run.js';

/** What is to be archived, as the door understood it. */
export interface ArchiveRequest {
  readonly host: string;
  readonly number: number;
  readonly share: string;
  readonly openSource: () => Promise<TarSource>;
  /** Whether `openSource` may be called again for the same bytes. */
  readonly readableAgain: boolean;
  /** Where the journal lives. */
  readonly stateDirectory: string;
  /** Bytes per volume, 0 = not split. */
  readonly splitSize: number;
  readonly codec: CodecChoice;
  readonly expected: ExpectedContent | undefined;
  /** When the backup ended, as BackupPC has it: ms since 1970 UTC. */
  readonly backupEndedAt: number | undefined;
}

export interface SessionOptions {
  readonly request: ArchiveRequest;
  readonly config: Config;
  readonly throttle: Throttle;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly stop: AbortSignal;
  /** Called once the run has counters to look at. */
  readonly onRunning: (counters: RunCounters, store: ObjectStore) => void;
}

/** Whatever was opened, in order; closed in reverse. */
class Closers {
  readonly #closers: (() => Promise<void>)[] = [];

  add<T>(opened: T, close: (opened: T) => Promise<void>): T {
    this.#closers.push(() => close(opened));
    return opened;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** @throws Failure; a rerun goes on from what the journal says */
export async function archiveSession(options: SessionOptions): Promise<RunResult> {
  const { request, config, clock, emit } = options;
  const { bucket } = config;
  if (bucket === undefined) {
    throw new Failure('config', 'no bucket is configured', {
      hint: 'set bucket in the configuration, or give --bucket',
    });
  }
  const closers = new Closers();
  try {
    await prepareDirectory(request.stateDirectory);
    const paths = journalPaths(request.stateDirectory, {
      host: request.host,
      number: request.number,
      bucket,
    });
    closers.add(
      await ArchiveLock.acquire(paths.lock, `${request.host} ${request.number}`, await lockWorld()),
      (lock) => lock.release(),
    );
    const earlier = await loadEarlier(paths, clock, emit);

    const plan = budgetOf(config, request.codec, earlier);
    const [passphrases, recipients] = await Promise.all([
      readPassphrases(config),
      readKeyFiles(config.recipient),
    ]);
    const [engine, store] = await bothOrNeither(
      closers,
      openEngine(config, plan, passphrases, recipients),
      openTheStore(options, bucket, plan),
    );
    checkPartSize(plan, store.limits);
    const sign =
      recipients.length === 0
        ? undefined
        : await openSigningKey({
            path: config.signing_key_file,
            stateDirectory: request.stateDirectory,
            now: () => clock.now(),
            emit,
          });
    const counters: RunCounters = { read: 0, packed: 0, skipped: 0 };
    options.onRunning(counters, store);

    const name = {
      prefix: config.prefix,
      host: request.host,
      number: request.number,
      extension: request.codec.extension,
    };
    const shaping = shapingOptions(request, config, plan);
    const installation = await openInstallation(request.stateDirectory);
    const mark = await settingsMark(installation, shaping, keyMaterial({ passphrases, recipients }));
    const { stateDirectory: directory, host, number } = request;
    const now = new Date(clock.now());
    await tidyPredecessors({ directory, host, number, bucket, store, now, emit });
    const joined = await joinEarlierRun({
      paths,
      earlier,
      host: request.host,
      number: request.number,
      bucket,
      name,
      options: shaping,
      passphrases,
      recipients,
      startedAt: new Date(clock.now()),
      store,
      emit,
      again: config.again,
      admit: () =>
        admit(store, name, clock, {
          maker: installation.id,
          mark,
          again: config.again,
          backupEndedAt: request.backupEndedAt,
        }),
    });
    if (joined.journal !== undefined) closers.add(joined.journal, (opened) => opened.leave());
    const finished = async (result: RunResult): Promise<RunResult> => {
      if (result.complete !== undefined) await recordFinished(directory, { bucket, ...result.complete });
      await joined.journal?.remove();
      return result;
    };
    if (joined.kind === 'stored') return await finished(await storedResult(store, joined));
    const { journal, fates } = joined;
    const result = await runArchive({
      sign,
      facts: {
        program: PROGRAM,
        host: request.host,
        number: request.number,
        share: request.share,
        extension: request.codec.extension,
        codec: { name: request.codec.name, level: request.codec.level },
        profile: config.openpgp_profile,
        splitSize: request.splitSize,
        maker: installation.id,
        settings: encodeMark(mark),
      },
      name,
      openSource: request.openSource,
      readableAgain: request.readableAgain,
      compress: (tar, signal, onRestart) =>
        compressStream(tar, request.codec, { ...plan.compression, compressor: engine, signal, onRestart }),
      index: config.index,
      engine,
      store,
      journal,
      fates,
      resumed: earlier !== undefined,
      partBuffers: plan.partBuffers,
      spool: await openSpool(options, paths, closers),
      allowPartial: config.allow_partial,
      expected: request.expected,
      clock,
      emit,
      stop: options.stop,
      counters,
    });
    return await finished(result);
  } finally {
    await closers.close();
  }
}

/** @returns what was stored earlier, as if this run had stored it */
async function storedResult(store: ObjectStore, stored: StoredArchive): Promise<RunResult> {
  const { manifest, complete } = await readStored(store, stored);
  const nothingKnown = { state: 'finished', reasons: [], tarBytes: 0, storedBytes: 0, volumes: 0 } as const;
  return {
    archive: manifest === undefined ? nothingKnown : summaryOf(manifest),
    manifest,
    complete,
    manifestName: stored.manifest.fileName,
    sourceFailed: false,
  };
}

async function openSpool(
  { config, emit }: SessionOptions,
  paths: JournalPaths,
  closers: Closers,
): Promise<Spool | undefined> {
  if (config.spool === undefined) return undefined;
  const { directory, bytes: maxBytes } = config.spool;
  const spool = await Spool.open({ directory, maxBytes, archive: basename(paths.journal, '.journal'), emit });
  return closers.add(spool, (opened) => opened.close());
}

async function loadEarlier(
  paths: JournalPaths,
  clock: Clock,
  emit: Emit,
): Promise<LoadedJournal | undefined> {
  const loaded = await loadJournal(paths, new Date(clock.now()));
  switch (loaded.kind) {
    case 'none':
      return undefined;
    case 'found':
      return loaded.journal;
    case 'set-aside':
      emit({
        type: 'warning',
        message: `the journal of the last run cannot be used (${loaded.reason}); it was set aside as ${loaded.to}, and the archive begins anew`,
      });
      return undefined;
  }
}

function budgetOf(config: Config, codec: CodecChoice, earlier: LoadedJournal | undefined): Budget {
  const recorded = earlier?.state.archive.options['part size'];
  return planBudget(codec, {
    memoryBytes: memoryBytesOf(config),
    workers: config.workers,
    connections: config.connections,
    // A run that is resumed keeps its part size, as long as nobody asks for another.
    partBytes: config.part_size ?? (typeof recorded === 'number' ? recorded : undefined),
  });
}

async function openEngine(
  config: Config,
  plan: MemoryPlan,
  passphrases: readonly Secret[],
  recipients: readonly KeyFile[],
): Promise<Engine> {
  if (passphrases.length + recipients.length === 0) {
    throw new Failure('config', 'nothing to encrypt to: neither a passphrase nor a recipient is configured', {
      hint: 'give --passphrase-file FILE, --passphrase-command COMMAND or --recipient FILE',
    });
  }
  return createEngine({
    workers: config.workers,
    profile: config.openpgp_profile,
    aead: config.openpgp_aead,
    partBytes: plan.partBytes,
    passwords: passphrases.map((passphrase) => passphrase.octets()),
    recipients,
    s2kOctets: config.s2k_bytes,
  });
}

async function openTheStore(
  { config, request, throttle, clock, emit }: SessionOptions,
  bucket: string,
  plan: MemoryPlan,
): Promise<ObjectStore> {
  const { keyId, key } = await readApplicationKey(config);
  return openB2({
    endpoint: config.endpoint,
    keyId,
    key: key.reveal(),
    bucket,
    host: request.host,
    createBucket: config.create_bucket,
    namePrefix: config.prefix,
    needs: ['writeFiles'],
    ...(config.lock_days === undefined ? {} : { lock: { days: config.lock_days, mode: config.lock_mode } }),
    serverSideEncryption: config.server_side_encryption,
    cancelUnfinishedDays: config.cancel_unfinished_days,
    connections: config.connections,
    maxConnections: plan.maxConnections,
    patience: patienceOf(config.patience),
    throttle,
    clock,
    emit,
    userAgent: PROGRAM,
  });
}

/** Opens both at once; when one fails, the other is closed too. */
async function bothOrNeither(
  closers: Closers,
  engine: Promise<Engine>,
  store: Promise<ObjectStore>,
): Promise<[Engine, ObjectStore]> {
  const [first, second] = await Promise.allSettled([engine, store]);
  if (first.status === 'fulfilled') closers.add(first.value, (opened) => opened.close());
  if (second.status === 'fulfilled') closers.add(second.value, (opened) => opened.close());
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}

/** What shapes the stored bytes and their names, in an operator's words: a run with others cannot go on where this one stopped. */
function shapingOptions(request: ArchiveRequest, config: Config, plan: MemoryPlan): ShapingOptions {
  return {
    'part size': plan.partBytes,
    'split size': request.splitSize,
    compression:
      request.codec.level === null ? request.codec.name : `${request.codec.name}:${request.codec.level}`,
    extension: request.codec.extension,
    'OpenPGP profile': config.openpgp_profile,
    AEAD: config.openpgp_aead,
    prefix: config.prefix,
    share: request.share,
  };
}
