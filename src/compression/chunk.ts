import type { CodecName } from './codec-name.js';

/** One chunk of the tar to compress. Buffers travel by transfer: they come back in the `CompressedChunk`. */
export interface CompressRequest {
  readonly codec: CodecName;
  readonly level: number;
  /** Moved. The dictionary, then the chunk. */
  readonly input: ArrayBuffer;
  /** The tail of the chunk before, for codecs that are primed with it; 0 for the others and for the first chunk. */
  readonly dictionaryBytes: number;
  readonly inputBytes: number;
  /** Moved; large enough for the codec's worst case. */
  readonly output: ArrayBuffer;
}

export interface CompressedChunk {
  readonly input: ArrayBuffer;
  readonly output: ArrayBuffer;
  readonly outputBytes: number;
  /** What the codec needs to know of the chunk to join the stream (gzip: CRC-32 of the input); 0 where it needs nothing. */
  readonly check: number;
}

/** Whoever compresses chunks: the worker pool, or programs. Rejects with a `Failure`; the buffers are lost then. */
export interface ChunkCompressor {
  compress(request: CompressRequest): Promise<CompressedChunk>;
}
