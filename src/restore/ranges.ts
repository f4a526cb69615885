/** A stored object in order, fetched as several ranges at a time: one connection to B2 gives a fraction of the line. */
import { setMaxListeners } from 'node:events';
import type { ObjectStore } from '../store.js';

export interface RangeOptions {
  /** Ranges in flight. */
  readonly parallel: number;
  /** Bytes of a range; `parallel` times this is held in memory at most. */
  readonly rangeBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Bytes `from` to `to` (exclusive), in order. The next ranges are under way while the consumer works on the one yielded.
 * @throws what the store throws; ranges still under way are aborted then, and when the consumer stops early
 */
export async function* orderedRanges(
  store: Pick<ObjectStore, 'download'>,
  fileId: string,
  from: number,
  to: number,
  options: RangeOptions,
): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  // Each download listens to it, and may have several tries.
  setMaxListeners(0, signal);
  const waiting: Promise<Uint8Array[]>[] = [];
  let next = from;
  const more = (): void => {
    while (waiting.length < options.parallel && next < to) {
      const range = { from: next, to: Math.min(to, next + options.rangeBytes) };
      next = range.to;
      const fetched = collect(store.download(fileId, range, signal));
      // It is awaited in its turn; until then a rejection is not unhandled.
      fetched.catch(() => undefined);
      waiting.push(fetched);
    }
  };
  try {
    more();
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) {
      const chunks = await first;
      more();
      yield* chunks;
    }
  } finally {
    stop.abort();
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}
