/** Opens everything one archive run needs, in the right order, and closes it again whatever happens. */
import { defaultMemoryBytes, memoryBytesOf } from '../memory/plan.js';
import { checkPartSize } from '../memory/budget.js';
import { codecText, type CodecChoice } from '../compression/codec-choice.js';
import { asBefore, installed, withQuickest } from '../compression/quickest.js';
import type { Config } from '../config/schema.js';
import { readKeyFiles, readPassphrases } from '../config/secrets.js';
import { Failure } from '../errors.js';
import { journalPaths, prepareDirectory, type LoadedJournal } from '../journal/load.js';
import { recordFinished } from '../journal/finished-runs.js';
import { encodeMark, openInstallation, settingsMark } from '../journal/installation.js';
import { ArchiveLock, lockWorld } from '../journal/lock.js';
import { COMPRESSED_BY, type ShapingOptions } from '../journal/records.js';
import { PROGRAM } from '../version.js';
import { newCounters } from './counters.js';
import { joinEarlierRun, keyMaterial } from './earlier-run.js';
import { planContent, planSized, type LayoutPlan } from './layout-plan.js';
import type { ArchiveFacts } from './manifest-of.js';
import { objectMetas } from './object-meta.js';
import { recoverKnown } from './recover-known.js';
import { runArchive, summaryOf, type RunResult } from './run.js';
import type { ArchiveRequest, SessionOptions } from './session-options.js';
import { openBoth, Closers, loadEarlier, openSealer, openSpool, openTheStore } from './session-tools.js';
import { openSigningKey } from './signing-key.js';
import { checkStored, readStored, type StoredArchive } from './stored-archive.js';
import { tidyPredecessors } from './tidy.js';
import type { ObjectStore } from '../store.js';

/** @throws Failure; a rerun goes on from what the journal says */
export async function archiveSession(given: SessionOptions): Promise<RunResult> {
  const { config, clock, emit } = given;
  const { bucket } = config;
  if (bucket === undefined) {
    throw new Failure('config', 'no bucket is configured', {
      hint: 'set bucket in the configuration, or give --bucket',
    });
  }
  const closers = new Closers();
  try {
    const { host, number, stateDirectory: directory } = given.request;
    await prepareDirectory(directory);
    const paths = journalPaths(directory, { host, number, bucket });
    closers.add(await ArchiveLock.acquire(paths.lock, `${host} ${number}`, await lockWorld()), (lock) =>
      lock.release(),
    );
    const earlier = await loadEarlier(paths, clock, emit);
    const request = { ...given.request, codec: codecHere(given, earlier) };
    const options = { ...given, request };

    const plan = await planOf(options, bucket, earlier);
    const [passphrases, recipients] = await Promise.all([
      readPassphrases(config),
      readKeyFiles(config.recipient),
    ]);
    const [sealer, store] = await openBoth(
      closers,
      openSealer(config, plan, passphrases, recipients),
      openTheStore(options, bucket, plan),
    );
    // Volumes cut by content are stored in one piece, of any size.
    if (plan.kind === 'sized') checkPartSize(plan, store.limits);
    const sign =
      recipients.length === 0
        ? undefined
        : await openSigningKey({
            path: config.signing_key_file,
            stateDirectory: request.stateDirectory,
            now: () => clock.now(),
            emit,
          });
    const counters = newCounters();
    options.onRunning(counters, store);

    const name = { prefix: config.prefix, host, number, extension: request.codec.extension };
    const shaping = shapingOptions(request, config, plan);
    const installation = await openInstallation(directory);
    const mark = await settingsMark(installation, shaping, keyMaterial({ passphrases, recipients }));
    const now = new Date(clock.now());
    await tidyPredecessors({ directory, host, number, bucket, store, now, emit });
    const joined = await joinEarlierRun({
      paths,
      earlier,
      host,
      number,
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
        checkStored(store, name, options, {
          maker: installation.id,
          mark,
          again: config.again,
          backupEndedAt: request.backupEndedAt,
        }),
      digestKey: plan.digestKey,
    });
    if (joined.journal !== undefined) closers.add(joined.journal, (opened) => opened.leave());
    const finished = async (result: RunResult): Promise<RunResult> => {
      if (result.complete !== undefined) await recordFinished(directory, { bucket, ...result.complete });
      if (result.manifest !== undefined && joined.journal !== undefined)
        await plan.finished(result.manifest, joined.journal.state, emit);
      await joined.journal?.remove();
      return result;
    };
    if (joined.kind === 'stored') return await finished(await storedResult(store, joined));
    const { journal, fates } = joined;
    const facts = { ...factsOf(request, config, plan), maker: installation.id, settings: encodeMark(mark) };
    const metas = objectMetas(facts, name, journal.state.archive.run);
    const spool = await openSpool(options, paths, closers);
    const { judge, stop } = options;
    const tools = { store, sealer, journal, spool, sign, judge, clock, emit, counters, stop };
    const result = await runArchive({
      tools,
      facts,
      name,
      metas,
      source: {
        open: request.openSource,
        readableAgain: request.readableAgain,
        expected: request.expected,
        allowPartial: config.allow_partial,
      },
      layout: (fatesNow, signal) => plan.layout(tools, metas, fatesNow, signal),
      fates,
      reuse: plan.reuse,
      index: config.index,
      resumed: earlier !== undefined,
    });
    return await finished(result);
  } finally {
    await closers.close();
  }
}

/** @returns the earlier result, as if this run had stored it */
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

function planOf(
  options: SessionOptions,
  bucket: string,
  earlier: LoadedJournal | undefined,
): LayoutPlan | Promise<LayoutPlan> {
  const { request, config, clock, emit, judge } = options;
  const { host, stateDirectory, codec, expectedBytes, splitSize } = request;
  const memoryBytes = memoryBytesOf(config);
  const recorded = (option: string): number | undefined => {
    const value = earlier?.state.archive.options[option];
    return typeof value === 'number' ? value : undefined;
  };
  if (!config.reuse)
    return planSized({ splitSize, codec, config, memoryBytes, resumedPartBytes: recorded('part size') });
  const resumedTarget = recorded('size of volumes');
  return planContent({
    host,
    bucket,
    stateDirectory,
    codec,
    config,
    memoryBytes,
    expectedBytes,
    resumedTarget,
    recover: () =>
      recoverKnown({
        host,
        bucket,
        prefix: config.prefix,
        open: () => openTheStore({ ...options, config: lookingOnly(config) }, bucket, { maxConnections: 1 }),
        authenticate: (store, archive) => judge.judge(store, archive),
        now: clock.now(),
        emit,
      }),
    emit,
  });
}

/** Nothing is made or changed. */
function lookingOnly(config: Config): Config {
  return { ...config, create_bucket: false, cancel_unfinished_days: undefined, lock_days: undefined };
}

function factsOf(
  { host, number, share, codec }: ArchiveRequest,
  config: Config,
  plan: LayoutPlan,
): Omit<ArchiveFacts, 'maker' | 'settings'> {
  return {
    program: PROGRAM,
    host,
    number,
    share,
    extension: codec.extension,
    codec: { name: codec.name, level: codec.kind === 'listed' && codec.auto ? null : codec.level },
    profile: config.openpgp_profile,
    layout: plan.kind,
    splitSize: plan.splitSize,
  };
}

/** The codec with the program that compresses here: the fastest one, or the one that the resumed run used. */
function codecHere({ request, config }: SessionOptions, earlier: LoadedJournal | undefined): CodecChoice {
  const { codec } = request;
  // A volume is too small to be worth a process, and is known again by its tar bytes, whatever compressed it.
  if (config.reuse) return codec;
  if (earlier !== undefined) {
    const recorded = earlier.state.archive.options[COMPRESSED_BY];
    return asBefore(codec, typeof recorded === 'string' ? recorded : undefined, installed);
  }
  // Processes are outside the budget, and their chunks are large.
  const roomy = memoryBytesOf(config) >= defaultMemoryBytes(config.workers);
  return roomy ? withQuickest(codec, installed) : codec;
}

/** The options that shape the stored bytes and their names, in an operator's words. A run with other options cannot resume this one. */
function shapingOptions({ codec, share }: ArchiveRequest, config: Config, plan: LayoutPlan): ShapingOptions {
  return {
    ...plan.shaping,
    compression: codecText(codec),
    ...(codec.kind === 'listed' && codec.program !== undefined ? { [COMPRESSED_BY]: codec.program } : {}),
    extension: codec.extension,
    'OpenPGP profile': config.openpgp_profile,
    AEAD: config.openpgp_aead,
    prefix: config.prefix,
    share,
  };
}
