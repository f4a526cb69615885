/** Runs one archive for BackupPC or the shell: reporter, signals, hooks, metrics, last lines. */
import { join } from 'node:path';
import { archiveSession } from '../../archive/session.js';
import type { RunResult } from '../../archive/run.js';
import { incompleteBecause, timeAdvice, type BackupRecord } from '../../backuppc/records.js';
import type { ExpectedContent } from '../../backuppc/completeness.js';
import type { TarSource } from '../../backuppc/source.js';
import { serveControl } from '../../bandwidth/control-socket.js';
import type { Limiter } from '../../bandwidth/limiter.js';
import { parseLimitSpec } from '../../bandwidth/limit.js';
import { atOneLevel, codecOf, type CodecChoice, cannotBeUndone } from '../../compression/codec-choice.js';
import { systemClock } from '../../clock.js';
import type { Config } from '../../config/schema.js';
import { ArchiveJudge } from '../evidence.js';
import { Readers } from '../open-reader.js';
import { asFailure, EXIT_STATUS, Failure, oneLine } from '../../errors.js';
import type { Emit } from '../../events.js';
import type { Reporter } from '../../reporting/reporter.js';
import { textSink } from '../../reporting/sinks.js';
import { summaryLine } from '../../reporting/summary.js';
import { allowedSeconds, backupRecord } from './backuppc-facts.js';
import { openHeldLimit } from './upload-limit.js';
import { controlSocketOf } from './control-sockets.js';
import type { RunningStatus } from './answers.js';
import { environmentWarnings, openingLine, planWarnings } from './first-lines.js';
import { RunFigures } from './run-figures.js';
import { openRunLog } from './run-log.js';
import { stopAfter, stopOnSignals } from './stopping.js';
import { newReporter, noticeOf, tellNotBegun, type Learned } from './notices.js';
import { notify, tellHook } from './notify.js';

/** What to archive, as the command line says. */
export interface ArchiveOrder {
  readonly config: Config;
  readonly host: string;
  readonly number: number;
  readonly share: string;
  /** `$compression` and `$compext` of BackupPC; empty from the shell. */
  readonly compPath: string;
  readonly compExt: string;
  readonly splitSize: number;
  readonly stateDirectory: string;
  readonly readableAgain: boolean;
  /** BackupPC called us: its records describe this very backup. */
  readonly ofBackupPc: boolean;
  /** How doubtful arguments were understood; for the log. */
  readonly remarks: readonly string[];
  readonly openSource: (emit: Emit) => Promise<TarSource>;
}

/**
 * Runs one archive and reports the result; the reason of a failure is the last line.
 * @param prepare reads the command line; 'help' if it only asked for help or the version, which has been printed
 * @param takeOver called once this function handles signals
 * @returns exit status
 */
export async function archiveCommand(
  prepare: (learned: Learned) => Promise<ArchiveOrder | 'help'>,
  takeOver?: () => void,
): Promise<number> {
  const learned: Learned = {};
  let order: ArchiveOrder | 'help';
  try {
    order = await prepare(learned);
  } catch (error) {
    const failure = asFailure(error);
    const reporter = newReporter(undefined);
    await tellNotBegun(learned, failure, reporter.emit);
    await reporter.fail(failure);
    return failure.exitStatus;
  }
  return order === 'help' ? EXIT_STATUS.ok : new ArchiveJob(order).run(takeOver);
}

class ArchiveJob {
  readonly #order: ArchiveOrder;
  readonly #reporter: Reporter;
  readonly #stop = new AbortController();
  readonly #figures = new RunFigures();
  #limiter: Limiter | undefined;
  #record: BackupRecord | undefined;

  constructor(order: ArchiveOrder) {
    this.#order = order;
    this.#reporter = newReporter(order.config);
  }

  async run(takeOver: () => void = () => undefined): Promise<number> {
    const { config, host, number, share, splitSize, stateDirectory, readableAgain } = this.#order;
    const { emit } = this.#reporter;
    const release = stopOnSignals(this.#stop);
    takeOver();
    this.#watchListener();
    let control: { close(): Promise<void> } | undefined;
    try {
      const { limiter, release: releaseLimitEvents } = await openHeldLimit({
        config,
        clock: systemClock,
        emit,
      });
      this.#limiter = limiter;
      control = await this.#serveControl(limiter);
      this.#record = await backupRecord(config, host, number);
      this.#figures.expectedBytes = this.#expectedBytes;
      this.#refuseActive();
      const { compPath, compExt } = this.#order;
      const asked = codecOf({ compPath, compExt, override: config.compress });
      const codec = config.reuse ? asked : atOneLevel(asked);
      const onlyAsStored = cannotBeUndone(codec);
      if (onlyAsStored !== undefined) emit({ type: 'warning', message: onlyAsStored });
      this.#open(codec, limiter);
      releaseLimitEvents();
      if (codec !== asked)
        emit({
          type: 'notice',
          message: 'without reuse an archive has one level of compression, auto or not',
        });
      const about = { host, number, bucket: config.bucket };
      await tellHook(config.on_start, noticeOf(about, { state: 'started', reasons: [] }), emit);
      await this.#adviseOnTime(limiter);
      if (config.deadline !== undefined) stopAfter(config.deadline, this.#stop);
      const result = await archiveSession({
        request: {
          host,
          number,
          share,
          openSource: () => this.#order.openSource(emit),
          readableAgain,
          stateDirectory,
          splitSize,
          codec,
          expected: this.#expected,
          backupEndedAt: this.#record?.endedAt,
          expectedBytes: this.#expectedBytes,
        },
        config,
        throttle: limiter,
        clock: systemClock,
        emit,
        stop: this.#stop.signal,
        judge: this.#judge(),
        onRunning: (counters, store) => {
          this.#figures.follow(counters, store);
          this.#reporter.follow(this.#figures.snapshots(() => limiter.rate));
        },
      });
      return await this.#stored(result);
    } catch (error) {
      return await this.#failed(asFailure(error));
    } finally {
      this.#limiter?.close();
      await control?.close();
      release();
    }
  }

  #judge(): ArchiveJudge {
    const { config, stateDirectory } = this.#order;
    const readers = new Readers(config);
    return new ArchiveJudge({
      config,
      directories: [stateDirectory],
      keys: async () => (await readers.keys()).keys,
    });
  }

  get #run(): { host: string; number: number; bucket: string } {
    const { config, host, number } = this.#order;
    return { host, number, bucket: config.bucket ?? '' };
  }

  /** The records count all shares. */
  get #expectedBytes(): number | undefined {
    return this.#order.share === '*' ? this.#record?.bytes : undefined;
  }

  get #expected(): ExpectedContent | undefined {
    const record = this.#record;
    if (record === undefined) return undefined;
    return {
      files: this.#order.share === '*' ? record.files : undefined,
      incomplete: this.#order.ofBackupPc ? incompleteBecause(record) : undefined,
    };
  }

  #refuseActive(): void {
    const { host, number, ofBackupPc } = this.#order;
    if (!ofBackupPc || this.#record?.type !== 'active') return;
    throw new Failure('source', `BackupPC is still making backup ${number} of ${host} (type active)`, {
      hint: 'archive again when it has finished',
    });
  }

  /** The first lines: what the run will do, and what in it may be a mistake. */
  #open(codec: CodecChoice, limiter: Limiter): void {
    const { config, host, number, splitSize, remarks } = this.#order;
    const { emit } = this.#reporter;
    const expectedBytes = this.#expectedBytes;
    const plan = { config, host, number, codec, splitSize, expectedBytes, limit: limiter.status().limit };
    emit({ type: 'notice', message: openingLine(plan) });
    const warnings = [...remarks, ...planWarnings(plan), ...environmentWarnings(process.env)];
    for (const message of warnings) emit({ type: 'warning', message });
  }

  /** Warns before the start, not after twenty hours, if BackupPC will not wait for the end. */
  async #adviseOnTime({ rate }: Limiter): Promise<void> {
    const { config } = this.#order;
    const bytes = this.#expectedBytes;
    if (bytes === undefined || rate === undefined) return;
    const allowed = await allowedSeconds(config);
    const advice =
      allowed === undefined
        ? undefined
        : timeAdvice({ bytes, bytesPerSecond: rate, clientTimeoutSeconds: allowed });
    if (advice !== undefined) this.#reporter.emit({ type: 'warning', message: advice });
  }

  /** `backuppc-b2 status` and `bwlimit` talk to this. The archive also runs without it. */
  async #serveControl(limiter: Limiter): Promise<{ close(): Promise<void> } | undefined> {
    const { host, number } = this.#order;
    const snapshot = this.#figures.snapshots(() => limiter.rate);
    try {
      return await serveControl(await controlSocketOf(process.pid), {
        status: (): RunningStatus => ({
          pid: process.pid,
          host,
          number,
          startedAt: this.#figures.startedAt,
          progress: snapshot(),
          limit: limiter.status(),
        }),
        bwlimit: ({ limit }) => {
          if (limit === 'toggle') limiter.toggle('by command');
          else limiter.set(parseLimitSpec(String(limit)), 'by command');
          return limiter.status();
        },
      });
    } catch (error) {
      this.#reporter.emit({ type: 'detail', message: `no control socket: ${asFailure(error).message}` });
      return undefined;
    }
  }

  async #stored({ archive, manifestName, sourceFailed }: RunResult): Promise<number> {
    const { config } = this.#order;
    const partial = archive.state === 'partial';
    // With --allow-partial a partial archive is what was asked for; a source that failed never is.
    const exitStatus =
      partial && (sourceFailed || !config.allow_partial) ? EXIT_STATUS.partial : EXIT_STATUS.ok;
    const summary = this.#figures.summary(this.#run, { ...archive, exitStatus, manifest: manifestName });
    this.#reporter.stopFollowing();
    await notify(this.#order, summary, this.#reporter.emit);
    await this.#reporter.succeed(summaryLine(summary), exitStatus === EXIT_STATUS.ok ? 'notice' : 'error');
    return exitStatus;
  }

  async #failed(failure: Failure): Promise<number> {
    const { exitStatus, message } = failure;
    if (failure.kind === 'interrupted') this.#noteStop(message);
    this.#reporter.stopFollowing();
    const summary = this.#figures.summary(this.#run, {
      state: 'failed',
      reasons: [message],
      exitStatus,
      tarBytes: this.#figures.readBytes,
      storedBytes: 0,
      volumes: 0,
      manifest: null,
    });
    await notify(this.#order, summary, this.#reporter.emit);
    await this.#reporter.fail(failure);
    return exitStatus;
  }

  /** After BackupPC has signalled us it reads no more output, so the reason also goes to a file. */
  #noteStop(reason: string): void {
    if (!this.#order.ofBackupPc) return;
    const log = openRunLog(this.#logPath);
    textSink(log, systemClock).line({ level: 'error', text: oneLine(reason) });
    log.end();
  }

  /** Where the log goes when BackupPC has stopped reading. */
  get #logPath(): string {
    const { host, number, stateDirectory } = this.#order;
    return join(stateDirectory, `${host}.${number}.log`);
  }

  /**
   * BackupPC stops reading when an archive is cancelled or its time is up. The log then goes to a file beside the journal (and to syslog if
   * configured), and the archive continues or stops, as configured.
   */
  #watchListener(): void {
    const path = this.#logPath;
    process.stdout.once('error', () => {
      process.stdout.on('error', () => undefined);
      this.#reporter.redirect(textSink(openRunLog(path), systemClock));
      if (this.#order.config.on_disconnect === 'stop') {
        this.#stop.abort(
          new Failure('interrupted', 'nobody reads our output any more', {
            hint: 'run the archive again: it goes on where it stopped',
          }),
        );
      } else
        this.#reporter.emit({
          type: 'warning',
          message: `nobody reads our output any more; continuing to the end, log in ${path}`,
        });
    });
  }
}
