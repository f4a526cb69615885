import type { CompressedChunk } from './chunk.js';
import { type ChunkedMethod, type ChunkSizes, chunkSizes } from './memory.js';

/** Buffers for one chunk before and after compression. */
export type ChunkBuffers = Pick<CompressedChunk, 'input' | 'output'>;

/** The buffers of the chunks that are not in use. Made on first need: the window bounds how many there are. */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly #sizes: ChunkSizes;
  readonly #free: ChunkBuffers[] = [];

  constructor(method: ChunkedMethod, level: number) {
    this.#sizes = chunkSizes(method, level);
    this.chunkBytes = this.#sizes.chunkBytes;
  }

  take(): ChunkBuffers {
    const { inputBytes, outputBytes } = this.#sizes;
    return this.#free.pop() ?? { input: new ArrayBuffer(inputBytes), output: new ArrayBuffer(outputBytes) };
  }

  give({ input, output }: ChunkBuffers): void {
    this.#free.push({ input, output });
  }
}
