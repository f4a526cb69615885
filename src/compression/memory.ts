/** Compression's share of the memory budget. Pure. */
import type { ByProgram, CodecMethod, InWorker } from './codec.js';
import { methodOf, type CodecChoice } from './codec-choice.js';

export type ChunkedMethod = InWorker | ByProgram;

export interface ChunkSizes {
  readonly chunkBytes: number;
  /** Dictionary and chunk. */
  readonly inputBytes: number;
  readonly outputBytes: number;
}

export function chunkedMethodOf(method: CodecMethod): ChunkedMethod {
  if (method.kind === 'identity' || method.kind === 'stream') throw new Error('it has no chunks');
  return method;
}

export function chunkSizes(method: ChunkedMethod, level: number): ChunkSizes {
  const chunkBytes = method.chunkBytes(level);
  const dictionaryBytes = method.kind === 'worker' ? method.dictionaryBytes : 0;
  return {
    chunkBytes,
    inputBytes: dictionaryBytes + chunkBytes,
    outputBytes: method.worstCaseBytes(chunkBytes),
  };
}

/** How compression uses the memory budget. */
export interface CompressionPlan {
  /** Chunks that exist at once; 0 where there are none. */
  readonly window: number;
  /** Of a program that divides its stream among threads. */
  readonly threads: number;
  /** Of all buffers, as reserved in the memory budget. */
  readonly bytes: number;
}

/** One is compressed while the next is filled. */
const LEAST_WINDOW = 2;

/**
 * In workers: two chunks each, so that a slow chunk does not hold up the others. With processes, whose chunks are large: one chunk per
 * worker is compressed, and one more is filled. A program for the whole stream gets a thread per worker. A smaller budget gets fewer, but at
 * least two chunks or one thread.
 */
export function planCompression(
  codec: CodecChoice,
  workers: number,
  availableBytes = Infinity,
): CompressionPlan {
  const plan = { window: 0, threads: 1, bytes: 0 };
  if (codec.kind !== 'listed') return plan;
  const method = methodOf(codec);
  if (method.kind === 'stream') {
    let threads = workers;
    while (threads > 1 && method.memoryBytes(threads) > availableBytes) threads -= 1;
    return { ...plan, threads, bytes: method.memoryBytes(threads) };
  }
  const { inputBytes, outputBytes } = chunkSizes(chunkedMethodOf(method), codec.level);
  const chunkBytes = inputBytes + outputBytes;
  const liked = (method.kind === 'worker' ? 2 * workers : workers) + 1;
  const window = Math.max(LEAST_WINDOW, Math.min(liked, Math.floor(availableBytes / chunkBytes)));
  return { ...plan, window, bytes: window * chunkBytes };
}
