import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/clock.js';

/** A clock that runs so many times faster than ours, and knows who sleeps by it. */
export class FastClock implements Clock {
  readonly #times: number;
  readonly #beginMs = performance.now();
  readonly #epochMs: number;
  #sleepers = 0;

  /** @param epochMs wall clock at the beginning */
  constructor(times: number, epochMs: number) {
    this.#times = times;
    this.#epochMs = epochMs;
  }

  get sleepers(): number {
    return this.#sleepers;
  }

  now(): number {
    return this.#epochMs + this.monotonic();
  }

  monotonic(): number {
    return (performance.now() - this.#beginMs) * this.#times;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.#sleepers++;
    try {
      await delay(Math.ceil(ms / this.#times), undefined, signal === undefined ? {} : { signal });
    } finally {
      this.#sleepers--;
    }
  }
}
