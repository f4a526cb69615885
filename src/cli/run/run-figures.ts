/** The figures of a run: snapshots for the progress bar and `status`, and the summary at its end. */
import { newCounters, type RunCounters } from '../../archive/counters.js';
import { systemClock } from '../../clock.js';
import { LoopDelay } from '../../reporting/loop-delay.js';
import { RateMeter, type Progress } from '../../reporting/progress.js';
import type { RunSummary } from '../../reporting/summary.js';
import type { StoreCounters } from '../../store.js';
import { PROGRAM } from '../../version.js';

/** What only the end of the run knows. */
type RunEnd = Pick<
  RunSummary,
  'state' | 'reasons' | 'exitStatus' | 'tarBytes' | 'storedBytes' | 'volumes' | 'manifest'
>;

export class RunFigures {
  readonly #startedAt = systemClock.now();
  readonly #began = systemClock.monotonic();
  readonly #loopDelay = new LoopDelay();
  #counters: RunCounters = newCounters();
  #store: { readonly counters: StoreCounters } | undefined;
  /** Expected bytes of the tar, once known. */
  expectedBytes: number | undefined;

  /** ISO 8601, UTC. */
  get startedAt(): string {
    return new Date(this.#startedAt).toISOString();
  }

  /** Bytes of the tar that have been read. */
  get readBytes(): number {
    return this.#counters.read;
  }

  /** The run has counters to look at. */
  follow(counters: RunCounters, store: { readonly counters: StoreCounters }): void {
    this.#counters = counters;
    this.#store = store;
    this.#loopDelay.begin();
  }

  /** @returns takes snapshots; each taker measures the rate over its own samples */
  snapshots(limit: () => number | undefined): () => Progress {
    const meter = new RateMeter();
    return () => {
      const elapsedMs = systemClock.monotonic() - this.#began;
      const counters = this.#store?.counters;
      return {
        elapsedMs,
        readBytes: this.#counters.read,
        expectedBytes: this.expectedBytes,
        packedBytes: this.#counters.packed,
        confirmedBytes: counters?.bytesConfirmed ?? 0,
        skippedBytes: this.#counters.skipped,
        copiedBytes: this.#counters.copied,
        rate: meter.sample(elapsedMs, counters?.bytesSent ?? 0),
        limit: limit(),
        connectionsBusy: counters?.connectionsBusy ?? 0,
        connectionsAllowed: counters?.connectionsAllowed ?? 0,
        retries: counters?.retries ?? 0,
      };
    };
  }

  summary(run: Pick<RunSummary, 'host' | 'number' | 'bucket'>, end: RunEnd): RunSummary {
    const counters = this.#store?.counters;
    return {
      program: PROGRAM,
      ...run,
      startedAt: this.startedAt,
      finishedAt: new Date(systemClock.now()).toISOString(),
      seconds: (systemClock.monotonic() - this.#began) / 1000,
      sentBytes: counters?.bytesSent ?? 0,
      copiedBytes: this.#counters.copied,
      retries: counters?.retries ?? 0,
      loopDelay: this.#loopDelay.end(),
      ...end,
    };
  }
}
