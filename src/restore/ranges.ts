/** A stored object in order, fetched as several ranges at a time: one connection to B2 gives a fraction of the line. */
import { setMaxListeners } from 'node:events';
import type { ObjectStore } from '../store.js';
import { type ByteRange, type FetchOptions, fetchRange } from './fetch-range.js';

export interface RangeOptions {
  /** Ranges in flight; each is held in memory as a whole. */
  readonly parallel: number;
  /** Sees a whole range before any of it is yielded; what it throws ends the iteration. */
  readonly onRange?: ((from: number, chunks: readonly Uint8Array[]) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Each over a new connection: for what arrived damaged before. */
  readonly ownConnection?: boolean | undefined;
}

/** `from` to `to` (exclusive) in ranges of at most `rangeBytes`. */
export function* evenRanges(from: number, to: number, rangeBytes: number): Generator<ByteRange> {
  for (let at = from; at < to; at += rangeBytes) yield { from: at, to: Math.min(to, at + rangeBytes) };
}

/**
 * The bytes of the ranges, in order. The next ones are under way while the consumer works on the one yielded.
 * @throws what the store throws; ranges still under way are aborted then, and when the consumer stops early
 */
export async function* orderedRanges(
  store: Pick<ObjectStore, 'download'>,
  fileId: string,
  ranges: Iterable<ByteRange>,
  options: RangeOptions,
): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  // Each download listens to it, and may have several tries.
  setMaxListeners(0, signal);
  const next = ranges[Symbol.iterator]();
  const waiting: Promise<{ from: number; chunks: Uint8Array[] }>[] = [];
  const more = (): void => {
    while (waiting.length < options.parallel) {
      const range = next.next();
      if (range.done === true) return;
      const { from } = range.value;
      const fetched = collect(store, fileId, range.value, { ...options, signal }).then((chunks) => ({
        from,
        chunks,
      }));
      // It is awaited in its turn; until then a rejection is not unhandled.
      fetched.catch(() => undefined);
      waiting.push(fetched);
    }
  };
  try {
    more();
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      const { from, chunks } = await first;
      more();
      options.onRange?.(from, chunks);
      yield* chunks;
    }
  } finally {
    stop.abort();
  }
}

async function collect(
  store: Pick<ObjectStore, 'download'>,
  fileId: string,
  range: ByteRange,
  options: FetchOptions,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const sink = {
    restart: () => {
      chunks.length = 0;
    },
    take: (chunk: Uint8Array) => {
      chunks.push(chunk);
    },
  };
  await fetchRange(store, fileId, range, sink, options);
  return chunks;
}
