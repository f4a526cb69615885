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

/** Chunks larger than this are few: see `compressionWindow`. */
const SMALL_CHUNK_BYTES = 1024 * 1024;
/** Of the memory budget, chunks get this much at most; the rest is for parts. */
const SHARE = 0.65;
/** One is compressed while the next is filled. */
const LEAST_WINDOW = 2;

/**
 * How many chunks should exist at once. Of small ones two for each worker, so that one slow chunk keeps none of the others waiting. Of
 * large ones as many as there are workers. And one more that is filled.
 * A budget that is too small for that gets fewer, as long as there can be two.
 */
export function compressionWindow(codec: CodecChoice, workers: number, memoryBytes = Infinity): number {
  if (codec.kind !== 'chunked') return 0;
  const { chunkBytes } = chunkSizes(chunkedMethodOf(CODECS[codec.name].method), codec.level);
  const liked = (chunkBytes <= SMALL_CHUNK_BYTES ? 2 * workers : workers) + 1;
  const affordable = Math.floor((SHARE * memoryBytes) / compressionBytes(codec, 1));
  return Math.max(LEAST_WINDOW, Math.min(liked, affordable));
}

/** Bytes of the buffers that `compressStream` makes at most: what the plan of the memory budget sets aside. */
export function compressionBytes(codec: CodecChoice, window: number): number {
  if (codec.kind !== 'chunked') return 0;
  const { inputBytes, outputBytes } = chunkSizes(chunkedMethodOf(CODECS[codec.name].method), codec.level);
  return window * (inputBytes + outputBytes);
}
