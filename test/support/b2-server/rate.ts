import type { Clock } from '../../../src/clock.js';

/** Bytes per second, of each connection and of all together; undefined: as fast as the machine goes. */
export interface RateOption {
  readonly perConnection?: number;
  readonly total?: number;
}

/** Bucket by debt: bytes are let through at once, and the caller waits until the line would have carried them. */
export class Line {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  #freeAt = -Infinity;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#clock = clock;
  }

  /** @returns ms until the line has carried these bytes after all before them. */
  carry(bytes: number): number {
    const now = this.#clock.monotonic();
    // A little of the past may be caught up: timers fire late, and that is not the client's doing.
    this.#freeAt = Math.max(this.#freeAt, now - LATE_TIMER_MS) + bytes / this.#bytesPerMs;
    return this.#freeAt - now;
  }
}

const LATE_TIMER_MS = 5;

/** One pace per connection: the slower of its own line and of the shared one, in each direction. */
export class Rates {
  readonly #option: RateOption;
  readonly #clock: Clock;
  readonly #total: Line | undefined;

  constructor(option: RateOption, clock: Clock) {
    this.#option = option;
    this.#clock = clock;
    this.#total = option.total === undefined ? undefined : new Line(option.total, clock);
  }

  /** For one connection: after so many bytes, ms to wait. undefined where nothing is limited. */
  pace(): ((bytes: number) => number) | undefined {
    const { perConnection } = this.#option;
    const own = perConnection === undefined ? undefined : new Line(perConnection, this.#clock);
    const total = this.#total;
    if (own === undefined && total === undefined) return undefined;
    return (bytes) => Math.max(own?.carry(bytes) ?? 0, total?.carry(bytes) ?? 0);
  }
}
