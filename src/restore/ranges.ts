/** Downloads an object in order, several ranges at a time, because one connection to B2 uses a fraction of the line. */
import { setMaxListeners } from 'node:events';
import type { ObjectStore } from '../store.js';
import { type ByteRange, fetchBytes } from './fetch-range.js';

export interface RangeOptions {
  /** Ranges in flight; each is held in memory as a whole. */
  readonly parallel: number;
  /** Called with each whole range before it is yielded; what it throws ends the iteration. */
  readonly onRange?: ((from: number, bytes: Uint8Array) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Each over a new connection: for data that arrived damaged. */
  readonly ownConnection?: boolean | undefined;
}

/** `from` to `to` (exclusive) in ranges of at most `rangeBytes`. */
export function* evenRanges(from: number, to: number, rangeBytes: number): Generator<ByteRange> {
  for (let at = from; at < to; at += rangeBytes) yield { from: at, to: Math.min(to, at + rangeBytes) };
}

/**
 * The bytes of the ranges, in order. The next ones are downloaded while the consumer works.
 * @throws what the store throws. Then, and if the consumer stops early, ranges under way are aborted
 */
export async function* orderedRanges(
  store: Pick<ObjectStore, 'download'>,
  fileId: string,
  ranges: Iterable<ByteRange>,
  options: RangeOptions,
): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  // Each download listens to it, possibly several times.
  setMaxListeners(0, signal);
  const next = ranges[Symbol.iterator]();
  const waiting: Promise<{ from: number; bytes: Uint8Array }>[] = [];
  const more = (): void => {
    while (waiting.length < options.parallel) {
      const range = next.next();
      if (range.done === true) return;
      const { from } = range.value;
      const fetched = fetchBytes(store, fileId, range.value, { ...options, signal }).then((bytes) => ({
        from,
        bytes,
      }));
      // Awaited in its turn; until then a rejection must not count as unhandled.
      fetched.catch(() => undefined);
      waiting.push(fetched);
    }
  };
  try {
    more();
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      const { from, bytes } = await first;
      more();
      options.onRange?.(from, bytes);
      yield bytes;
    }
  } finally {
    stop.abort();
  }
}
