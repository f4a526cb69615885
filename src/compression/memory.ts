/** What compression takes of the memory budget. Pure. */
import type { CodecMethod, Identity } from './codec.js';
import type { CodecChoice } from './codec-choice.js';
import { CODECS } from './codecs.js';

export type ChunkedMethod = Exclude<CodecMethod, Identity>;

export interface ChunkSizes {
  readonly chunkBytes: number;
  /** Dictionary and chunk. */
  readonly inputBytes: number;
  readonly outputBytes: number;
}

export function chunkedMethodOf(method: CodecMethod): ChunkedMethod {
  if (method.kind === 'identity') throw new Error('nothing to compress with');
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

/** One is compressed while the next is filled. */
const LEAST_WINDOW = 2;

/**
 * How many chunks should exist at once. In workers: two for each, so that one slow chunk keeps none of the others waiting.
 * With processes, whose chunks are large: as many are compressed at once as there are workers, and one more is filled.
 * A budget that is too small for that gets fewer, as long as there can be two.
 */
export function compressionWindow(codec: CodecChoice, workers: number, availableBytes = Infinity): number {
  if (codec.kind !== 'chunked') return 0;
  const liked = (CODECS[codec.name].method.kind === 'worker' ? 2 * workers : workers) + 1;
  const affordable = Math.floor(availableBytes / compressionBytes(codec, 1));
  return Math.max(LEAST_WINDOW, Math.min(liked, affordable));
}

/** Bytes of the buffers that `compressStream` makes at most: what the plan of the memory budget sets aside. */
export function compressionBytes(codec: CodecChoice, window: number): number {
  if (codec.kind !== 'chunked') return 0;
  const { inputBytes, outputBytes } = chunkSizes(chunkedMethodOf(CODECS[codec.name].method), codec.level);
  return window * (inputBytes + outputBytes);
}
