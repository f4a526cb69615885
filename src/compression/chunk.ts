import type { CodecName } from './codec-name.js';

/** One chunk of the tar to compress. Buffers travel by transfer: they come back in the `CompressedChunk`. */
export interface CompressRequest {
  readonly codec: CodecName;
  readonly level: number;
  /** Moved. The dictionary, then the chunk. */
  readonly input: ArrayBuffer;
  /** Bytes of the previous chunk's tail, the dictionary of some codecs; 0 for others and for the first chunk. */
  readonly dictionaryBytes: number;
  readonly inputBytes: number;
  /** Moved; large enough for the codec's worst case. */
  readonly output: ArrayBuffer;
}

export interface CompressedChunk {
  readonly input: ArrayBuffer;
  readonly output: ArrayBuffer;
  readonly outputBytes: number;
  /** What the codec needs to join the stream (gzip: CRC-32 of the input); 0 if nothing. */
  readonly check: number;
}

/** Compresses chunks: the worker pool, or programs. Rejects with a `Failure`; then the buffers are lost. */
export interface ChunkCompressor {
  compress(request: CompressRequest): Promise<CompressedChunk>;
}
