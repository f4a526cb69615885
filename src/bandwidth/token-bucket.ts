import type { Rate } from './rate.js';
import { UNLIMITED_SLICE_BYTES } from './throttle.js';

/**
 * How far sending may run ahead of an even flow, in ms of the rate: what was just left unused (`creditMs`) plus one slice (`sliceMs`). In
 * any window of T ms at most `rate × (T + creditMs + sliceMs)` leaves, so in a second at most 104.4 %. The credit makes up for late timers.
 */
const AHEAD_MS = 44;
/** Slices are whole packets worth about 15 ms, at most 30 ms. */
const SLICE_MS = 15;
const MAX_SLICE_MS = 30;
/** The payload of a TCP segment on Ethernet with timestamps; and what TLS 1.3 adds to a record (RFC 8446, 5.2). */
const SEGMENT_BYTES = 1448;
const RECORD_FRAME_BYTES = 22;
const RECORD_BYTES = 16 * 1024;
/** A few TLS records in one write cost no more than one. */
const MAX_SLICE_BYTES = 64 * 1024;

/**
 * Where 30 ms do not fill a packet (below 380 kbit/s), headers would eat up the line: slices are longer there, and a shorter one costs as
 * much time as a whole one. So they start at least this far apart, minus the credit, and no second has more than 11 of them: 104.8 %.
 */
const SLOW_SLICE_MS = 1000 / 10.5;
const SLOW_CREDIT_MS = 14;

function isSlow(rate: Rate): boolean {
  return (rate * MAX_SLICE_MS) / 1000 < SEGMENT_BYTES - RECORD_FRAME_BYTES;
}

/** What goes on the wire for a slice: TLS adds 22 bytes to each record, which is 3 % where slices are smallest. */
export function chargedBytes(bytes: number): number {
  return bytes + Math.ceil(bytes / RECORD_BYTES) * RECORD_FRAME_BYTES;
}

/** Largest slice to write at once under a rate: packets worth 15 ms but at most 64 KiB; on slow lines 95 ms worth. */
export function sliceBytesOf(rate: Rate | undefined): number {
  if (rate === undefined) return UNLIMITED_SLICE_BYTES;
  if (isSlow(rate)) return Math.floor((rate * SLOW_SLICE_MS) / 1000) - RECORD_FRAME_BYTES;
  const packets = Math.max(1, Math.round((rate * SLICE_MS) / 1000 / SEGMENT_BYTES));
  return Math.min(packets * SEGMENT_BYTES - RECORD_FRAME_BYTES, MAX_SLICE_BYTES);
}

/**
 * A token bucket that keeps its debt as a point in time: `due` is when the bytes sent so far are paid for. A slice may leave once `due` has
 * passed, and postpones it by the time it is worth. Idling earns `creditMs` at most. A new rate leaves `due` alone: what was sent under the
 * old rate is paid for at the old rate.
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
    // A wait of less than a microsecond could vanish by rounding when added to the time, and would then never end.
    return waitMs < 0.001 ? 0 : waitMs;
  }

  /** Books bytes that leave now. */
  spend(bytes: number, nowMs: number): void {
    const worthMs = (chargedBytes(bytes) * 1000) / this.#rate;
    const slow = isSlow(this.#rate);
    const creditMs = slow ? SLOW_CREDIT_MS : AHEAD_MS - (chargedBytes(this.sliceBytes) * 1000) / this.#rate;
    const costMs = slow ? Math.max(worthMs, SLOW_SLICE_MS) : worthMs;
    this.#dueMs = Math.max(this.#dueMs, nowMs - creditMs) + costMs;
  }
}
