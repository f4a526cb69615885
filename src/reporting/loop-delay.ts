import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { RunSummary } from './summary.js';

const RESOLUTION_MS = 5;

/** Measures how late the event loop is, from now on. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  begin(): void {
    this.#histogram.enable();
    this.#histogram.reset();
  }

  end(): RunSummary['loopDelay'] {
    this.#histogram.disable();
    // It records the time between two ticks; before the first one it has only a zero.
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    return { p99Ms: late(this.#histogram.percentile(99)), maxMs: late(this.#histogram.max) };
  }
}
