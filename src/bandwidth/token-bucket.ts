import type { Rate } from './rate.js';
import { UNLIMITED_SLICE_BYTES } from './throttle.js';

/**
 * How far sending may run ahead of an even flow, in ms of the rate: what was left unused for a moment (`creditMs`) and one slice
 * (`sliceMs`). Over any window of T ms at most `rate × (T + creditMs + sliceMs)` leaves, so over a second at most 104.4 %. The credit is what a late
 * timer can make up for.
 */
const AHEAD_MS = 44;
const MIN_SLICE_MS = 15;
/** On slow lines a slice grows towards a full packet, or headers would eat the line. */
const MAX_SLICE_MS = 30;
/** Payload of a TCP segment on Ethernet with timestamps. */
const SEGMENT_BYTES = 1448;
/** A TLS record is 16 KiB; a few of them in one write cost no more than one. */
const MAX_SLICE_BYTES = 64 * 1024;

/** Largest slice to write at once under a rate: a segment or 15 ms worth of it, but at most 30 ms worth and 64 KiB. */
export function sliceBytesOf(rate: Rate | undefined): number {
  if (rate === undefined) return UNLIMITED_SLICE_BYTES;
  const wanted = Math.max(SEGMENT_BYTES, (rate * MIN_SLICE_MS) / 1000);
  return Math.max(1, Math.floor(Math.min(wanted, (rate * MAX_SLICE_MS) / 1000, MAX_SLICE_BYTES)));
}

/**
 * A token bucket that keeps its debt as a moment: `due` is when the bytes sent so far are paid for. A slice may leave when `due` has come, and
 * puts it off by its own worth of time. Idleness earns `creditMs` at most. A new rate leaves `due` alone: what was lawful under
 * the old rate is paid for at the old rate.
 *
 * Pure: times are ms of a monotonic clock and come in as arguments.
 */
export class TokenBucket {
  #rate: Rate;
  #dueMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#dueMs = nowMs;
  }

  get rate(): Rate {
    return this.#rate;
  }

  set rate(rate: Rate) {
    this.#rate = rate;
  }

  get sliceBytes(): number {
    return sliceBytesOf(this.#rate);
  }

  /** ms until the next slice may leave; 0 when it may leave now. */
  waitMs(nowMs: number): number {
    const waitMs = this.#dueMs - nowMs;
    // Less than a microsecond may be lost in rounding when it is added to the time, and would then never pass.
    return waitMs < 0.001 ? 0 : waitMs;
  }

  /** Books bytes that leave now. */
  spend(bytes: number, nowMs: number): void {
    const creditMs = AHEAD_MS - (this.sliceBytes * 1000) / this.#rate;
    this.#dueMs = Math.max(this.#dueMs, nowMs - creditMs) + (bytes * 1000) / this.#rate;
  }
}
