import type { Clock } from '../../src/clock.js';

/** A clock that stands still until somebody sleeps: then it jumps to the first end of a sleep, once nothing else is to be done. */
export class JumpingClock implements Clock {
  #nowMs = 0;
  readonly sleeps: number[] = [];
  readonly #sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  #scheduled = false;

  now(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(ms);
    return new Promise((resolve, reject) => {
      const sleeper = { untilMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason as Error);
      });
      this.#jumpSoon();
    });
  }

  #jumpSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const [first] = [...this.#sleepers].sort((a, b) => a.untilMs - b.untilMs);
      if (first === undefined) return;
      this.#sleepers.delete(first);
      this.#nowMs = Math.max(this.#nowMs, first.untilMs);
      first.wake();
      if (this.#sleepers.size > 0) this.#jumpSoon();
    });
  }
}
