/** What both doors to an archive run share: reporter, signals, hooks, metrics, last words. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { archiveSession } from '../../archive/session.js';
import type { RunCounters, RunResult } from '../../archive/run.js';
import { timeAdvice, type BackupRecord } from '../../backuppc/records.js';
import type { TarSource } from '../../backuppc/source.js';
import { serveControl } from '../../bandwidth/control-socket.js';
import type { Limiter } from '../../bandwidth/limiter.js';
import { parseLimitSpec } from '../../bandwidth/limit.js';
import { codecOf } from '../../compression/codec-choice.js';
import { systemClock } from '../../clock.js';
import type { Config } from '../../config/schema.js';
import { asFailure, EXIT_STATUS, Failure } from '../../errors.js';
import type { Emit } from '../../events.js';
import { remember } from '../../reporting/history.js';
import { runHook } from '../../reporting/hooks.js';
import { writeMetrics } from '../../reporting/metrics.js';
import { LoopDelay } from '../../reporting/loop-delay.js';
import { formatDuration, RateMeter, type Progress } from '../../reporting/progress.js';
import { Reporter } from '../../reporting/reporter.js';
import { textSink } from '../../reporting/sinks.js';
import { summaryLine, type RunSummary } from '../../reporting/summary.js';
import type { ObjectStore } from '../../store.js';
import { PROGRAM } from '../../version.js';
import { allowedSeconds, backupRecord } from './backuppc-facts.js';
import { Done } from '../commander-failures.js';
import { openLine } from './upload-limit.js';
import { controlSocketOf } from './control-sockets.js';
import type { RunningStatus } from './status.js';

/** What a door made of its arguments. */
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
  readonly openSource: (emit: Emit) => Promise<TarSource>;
}

/** Runs one archive and says how it went; the reason of a failure is the last line. @returns exit status */
export async function archiveCommand(prepare: () => Promise<ArchiveOrder>): Promise<number> {
  let order: ArchiveOrder;
  try {
    order = await prepare();
  } catch (error) {
    if (error instanceof Done) return EXIT_STATUS.ok;
    const failure = asFailure(error);
    await newReporter(undefined).fail(failure);
    return failure.exitStatus;
  }
  return runOrder(order);
}

/** @returns exit status */
export function runOrder(order: ArchiveOrder): Promise<number> {
  return new ArchiveJob(order).run();
}

function newReporter(config: Config | undefined): Reporter {
  return new Reporter({
    verbosity: config?.quiet === true ? 'quiet' : config?.verbose === true ? 'verbose' : 'normal',
    format: config?.log_format ?? 'text',
    syslog: config?.syslog ?? false,
    out: process.stdout,
    clock: systemClock,
  });
}

class ArchiveJob {
  readonly #order: ArchiveOrder;
  readonly #reporter: Reporter;
  readonly #startedAt = systemClock.now();
  readonly #began = systemClock.monotonic();
  readonly #stop = new AbortController();
  readonly #loopDelay = new LoopDelay();
  #counters: RunCounters = { read: 0, packed: 0, skipped: 0 };
  #store: ObjectStore | undefined;
  #limiter: Limiter | undefined;
  #expected: BackupRecord | undefined;

  constructor(order: ArchiveOrder) {
    this.#order = order;
    this.#reporter = newReporter(order.config);
  }

  async run(): Promise<number> {
    const { config, host, number, share, splitSize, stateDirectory, readableAgain } = this.#order;
    const { emit } = this.#reporter;
    const release = this.#catchSignals();
    this.#watchListener();
    let control: { close(): Promise<void> } | undefined;
    try {
      const limiter = (this.#limiter = await openLine({ config, clock: systemClock, emit }));
      control = await this.#serveControl(limiter);
      // The records count all shares.
      if (share === '*') this.#expected = await backupRecord(config, host, number);
      await this.#adviseOnTime(limiter);
      this.#watchDeadline();
      const codec = codecOf({
        compPath: this.#order.compPath,
        compExt: this.#order.compExt,
        override: config.compress,
      });
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
        },
        config,
        throttle: limiter,
        clock: systemClock,
        emit,
        stop: this.#stop.signal,
        onRunning: (counters, store) => {
          this.#counters = counters;
          this.#store = store;
          this.#loopDelay.begin();
          this.#reporter.follow(this.#snapshot());
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

  /** Better to hear before the start than after twenty hours that BackupPC will not wait for the end. */
  async #adviseOnTime({ rate }: Limiter): Promise<void> {
    const { config } = this.#order;
    if (this.#expected === undefined || rate === undefined) return;
    const allowed = await allowedSeconds(config);
    const advice =
      allowed === undefined
        ? undefined
        : timeAdvice({ bytes: this.#expected.bytes, bytesPerSecond: rate, clientTimeoutSeconds: allowed });
    if (advice !== undefined) this.#reporter.emit({ type: 'warning', message: advice });
  }

  #watchDeadline(): void {
    const { deadline } = this.#order.config;
    if (deadline === undefined) return;
    const timer = setTimeout(
      () => {
        this.#stop.abort(
          new Failure(
            'interrupted',
            `stopped by --deadline after ${formatDuration(deadline)}; what B2 has is kept`,
            { hint: 'run the archive again: it goes on where it stopped' },
          ),
        );
      },
      Math.min(deadline, 2 ** 31 - 1),
    );
    timer.unref();
  }

  /** `backuppc-b2 status` and `bwlimit` talk to this. An archive that cannot be talked to is still an archive. */
  async #serveControl(limiter: Limiter): Promise<{ close(): Promise<void> } | undefined> {
    const { host, number } = this.#order;
    const snapshot = this.#snapshot();
    try {
      return await serveControl(await controlSocketOf(process.pid), {
        status: (): RunningStatus => ({
          pid: process.pid,
          host,
          number,
          startedAt: new Date(this.#startedAt).toISOString(),
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

  async #stored({ manifest, complete, sourceFailed }: RunResult): Promise<number> {
    const { config } = this.#order;
    const partial = manifest.state === 'partial';
    // With --allow-partial a partial archive is what was asked for; a source that failed never is.
    const exitStatus =
      partial && (sourceFailed || !config.allow_partial) ? EXIT_STATUS.partial : EXIT_STATUS.ok;
    const summary = this.#summary({
      state: manifest.state,
      reasons: manifest.reasons,
      exitStatus,
      tarBytes: manifest.tar.bytes,
      storedBytes: manifest.volumes.reduce((sum, volume) => sum + volume.bytes, 0),
      volumes: manifest.volumes.length,
      manifest: complete.name,
    });
    await this.#tellOthers(summary);
    await this.#reporter.succeed(summaryLine(summary), exitStatus === EXIT_STATUS.ok ? 'notice' : 'error');
    return exitStatus;
  }

  async #failed(failure: Failure): Promise<number> {
    const { exitStatus, message } = failure;
    await this.#tellOthers(
      this.#summary({
        state: 'failed',
        reasons: [message],
        exitStatus,
        tarBytes: this.#counters.read,
        storedBytes: 0,
        volumes: 0,
        manifest: null,
      }),
    );
    await this.#reporter.fail(failure);
    return exitStatus;
  }

  #summary(
    end: Pick<
      RunSummary,
      'state' | 'reasons' | 'exitStatus' | 'tarBytes' | 'storedBytes' | 'volumes' | 'manifest'
    >,
  ): RunSummary {
    const { config, host, number } = this.#order;
    const counters = this.#store?.counters;
    return {
      program: PROGRAM,
      host,
      number,
      startedAt: new Date(this.#startedAt).toISOString(),
      finishedAt: new Date(systemClock.now()).toISOString(),
      seconds: (systemClock.monotonic() - this.#began) / 1000,
      sentBytes: counters?.bytesSent ?? 0,
      retries: counters?.retries ?? 0,
      loopDelay: this.#loopDelay.end(),
      bucket: config.bucket ?? '',
      ...end,
    };
  }

  /** Metrics and hooks: what goes wrong there is said, and changes nothing about the archive. */
  async #tellOthers(summary: RunSummary): Promise<void> {
    const { config, stateDirectory } = this.#order;
    this.#reporter.stopFollowing();
    const warn = (message: string): void => {
      this.#reporter.emit({ type: 'warning', message });
    };
    await remember(stateDirectory, { type: 'archive', ...summary }).catch((error: unknown) => {
      warn(`history: ${asFailure(error).message}`);
    });
    if (config.metrics_file !== undefined) {
      await writeMetrics(config.metrics_file, summary).catch((error: unknown) => {
        warn(`metrics file: ${String(error)}`);
      });
    }
    const hook = summary.state === 'finished' ? config.on_success : config.on_failure;
    if (hook !== undefined) {
      const problem = await runHook(hook, summary);
      if (problem !== undefined) warn(problem);
    }
  }

  #snapshot(): () => Progress {
    const meter = new RateMeter();
    return () => {
      const elapsedMs = systemClock.monotonic() - this.#began;
      const counters = this.#store?.counters;
      return {
        elapsedMs,
        readBytes: this.#counters.read,
        expectedBytes: this.#expected?.bytes,
        packedBytes: this.#counters.packed,
        confirmedBytes: counters?.bytesConfirmed ?? 0,
        skippedBytes: this.#counters.skipped,
        rate: meter.sample(elapsedMs, counters?.bytesSent ?? 0),
        limit: this.#limiter?.rate,
        connectionsBusy: counters?.connectionsBusy ?? 0,
        connectionsAllowed: counters?.connectionsAllowed ?? 0,
        retries: counters?.retries ?? 0,
        volumesFinished: 0,
      };
    };
  }

  /**
   * BackupPC stops listening when an archive is cancelled or its time is up. Our output then goes to a file beside the journal (and to
   * syslog if asked), and the archive goes on to its end, or stops, as configured.
   */
  #watchListener(): void {
    const { config, host, number, stateDirectory } = this.#order;
    process.stdout.once('error', () => {
      process.stdout.on('error', () => undefined);
      const path = join(stateDirectory, `${host}.${number}.log`);
      const log = createWriteStream(path, { flags: 'a', mode: 0o600 });
      log.on('error', () => undefined);
      this.#reporter.redirect(textSink(log));
      if (config.on_disconnect === 'stop') {
        this.#stop.abort(
          new Failure('interrupted', 'nobody reads our output any more', {
            hint: 'run the archive again: it goes on where it stopped',
          }),
        );
      } else
        this.#reporter.emit({
          type: 'warning',
          message: `${new Date().toISOString()} nobody reads our output any more; going on to the end, log in ${path}`,
        });
    });
  }

  /** SIGINT, SIGTERM and SIGHUP stop cleanly, well within the second that BackupPC gives us; a second one stops at once. */
  #catchSignals(): () => void {
    const onSignal = (signal: NodeJS.Signals): void => {
      if (this.#stop.signal.aborted) process.exit(EXIT_STATUS.interrupted);
      this.#stop.abort(
        new Failure('interrupted', `stopped by ${signal}; what B2 has is kept`, {
          hint: 'run the archive again: it goes on where it stopped',
        }),
      );
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, onSignal);
    return () => {
      for (const signal of signals) process.off(signal, onSignal);
    };
  }
}
