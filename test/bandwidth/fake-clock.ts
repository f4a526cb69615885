import type { Clock } from '../../src/clock.js';

interface Timer {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A clock whose time passes only in `advance`: sleepers wake in order, each at its own time, and act before the next one wakes. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  /** How late timers fire, as on a busy machine. */
  lateMs: () => number = () => 0;
  #elapsedMs = 0;
  readonly #startMs: number;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  get sleepers(): number {
    return this.#timers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const timer: Timer = {
        dueMs: this.#elapsedMs + Math.max(0, ms) + this.lateMs(),
        wake: () => {
          signal?.removeEventListener('abort', abandon);
          resolve();
        },
      };
      const abandon = () => {
        this.#timers.delete(timer);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abandon, { once: true });
      this.#timers.add(timer);
    });
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await settled();
    for (
      let timer = this.#earliest();
      timer !== undefined && timer.dueMs <= untilMs;
      timer = this.#earliest()
    ) {
      this.#timers.delete(timer);
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
      timer.wake();
      await settled();
    }
    this.#elapsedMs = untilMs;
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers)
      if (earliest === undefined || timer.dueMs < earliest.dueMs) earliest = timer;
    return earliest;
  }
}

/** Everything that can go on without time passing has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
