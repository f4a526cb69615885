/** The body of an upload, cut into slices that the socket takes one by one. */
import type { Throttle } from '../bandwidth/throttle.js';
import type { Watchdog } from './deadline.js';

/** Largest slice: enough to keep a fast socket busy, and what TLS encrypts (and so doubles in memory) at a time. */
const MAX_SLICE_BYTES = 256 * 1024;
/** Smallest: a socket that does not take even this within the stall limit carries less than 200 bytes a second. */
const MIN_SLICE_BYTES = 16 * 1024;
/** A slice should be accepted within about this time, so that a slow uplink can be told from a dead one. */
const GOAL_MS = 500;

/**
 * The next slice's size, after one of `bytes` took `ms` to be accepted: halved where the socket is slow, doubled where it is quick.
 */
export function nextSliceBytes(bytes: number, ms: number): number {
  if (ms > GOAL_MS) return Math.max(MIN_SLICE_BYTES, Math.floor(bytes / 2));
  if (ms < GOAL_MS / 4) return Math.min(MAX_SLICE_BYTES, bytes * 2);
  return bytes;
}

export interface BodyOptions {
  readonly throttle: Throttle;
  readonly dog: Watchdog;
  /** Milliseconds, monotonic. */
  readonly nowMs: () => number;
  /** `bytes` more were accepted by the socket; `held`: the limit had kept them waiting. */
  readonly accepted: (bytes: number, held: boolean) => void;
  /** All of the body was accepted. */
  readonly ended: () => void;
}

/**
 * An async iterable of slices of `bytes`, never a copy. undici asks for the next slice once the socket has accepted the last, which
 * is the sign of life that the watchdog waits for. A hand-made iterator: where nothing has to be waited for, a slice costs
 * one resolved promise.
 */
export function slices(bytes: Uint8Array, options: BodyOptions): AsyncIterable<Uint8Array> {
  const { throttle, dog, nowMs, accepted, ended } = options;
  let offset = 0;
  let inFlight = 0;
  let held = false;
  let sentAtMs = 0;
  let sliceBytes = MAX_SLICE_BYTES;

  const cut = (): IteratorResult<Uint8Array> => {
    const slice = bytes.subarray(offset, offset + inFlight);
    sentAtMs = nowMs();
    return { done: false, value: slice };
  };
  const next = (): Promise<IteratorResult<Uint8Array>> => {
    if (inFlight > 0) {
      accepted(inFlight, held);
      dog.moved();
      sliceBytes = nextSliceBytes(Math.max(inFlight, MIN_SLICE_BYTES), nowMs() - sentAtMs);
      offset += inFlight;
      inFlight = 0;
    }
    if (offset >= bytes.byteLength) {
      ended();
      return Promise.resolve({ done: true, value: undefined });
    }
    inFlight = Math.min(sliceBytes, throttle.sliceBytes, bytes.byteLength - offset);
    const wait = throttle.take(inFlight, dog.signal);
    held = wait !== undefined;
    if (wait === undefined) return Promise.resolve(cut());
    dog.pause();
    return wait.then((granted) => {
      dog.resume();
      // Fewer than asked for if the rate fell meanwhile; then ask again for the rest.
      inFlight = granted;
      return cut();
    });
  };
  return {
    [Symbol.asyncIterator]: () => ({ next, return: () => Promise.resolve({ done: true, value: undefined }) }),
  };
}
