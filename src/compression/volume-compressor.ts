/**
 * Compresses volumes, each into a stream of its own, several at once: in the workers if the codec can, else by its program.
 */
import { discard } from '../discard.js';
import { methodOf, type CodecChoice } from './codec-choice.js';
import type { CodecName } from './codec-name.js';
import type { ChunkCompressor } from './chunk.js';
import { worstCaseOfWhole } from './compress-whole.js';
import { compressStream } from './compress-stream.js';

/** A volume in memory. Buffers travel by transfer: they come back in the `CompressedWhole`. */
export interface WholeToCompress {
  readonly codec: CodecName;
  readonly level: number;
  /** Moved. */
  readonly buffer: ArrayBuffer;
  /** Where the data lies in `buffer`. */
  readonly offset: number;
  readonly bytes: number;
  /** Moved; large enough for the worst case. */
  readonly output: ArrayBuffer;
}

export interface CompressedWhole {
  readonly buffer: ArrayBuffer;
  readonly output: ArrayBuffer;
  readonly outputBytes: number;
}

export interface WholeCompressor extends ChunkCompressor {
  readonly workers: number;
  compressWhole(request: WholeToCompress): Promise<CompressedWhole>;
}

export class VolumeCompressor {
  readonly #codec: CodecChoice;
  readonly #compressor: WholeCompressor;
  readonly #signal: AbortSignal;
  readonly #scratchBytes: number;
  readonly #idle: ArrayBuffer[] = [];
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param mostBytes the longest volume that will come */
  constructor(codec: CodecChoice, compressor: WholeCompressor, mostBytes: number, signal: AbortSignal) {
    this.#codec = codec;
    this.#compressor = compressor;
    this.#signal = signal;
    this.#scratchBytes = scratchBytesFor(codec, mostBytes);
  }

  /**
   * @param buffer exactly as long as the data and what precedes it; taken over
   * @returns a buffer of the same shape: the compressed data at the same offset
   */
  async compress(buffer: ArrayBuffer, offset: number): Promise<ArrayBuffer> {
    if (this.#codec.kind === 'none') return buffer;
    while (this.#running >= this.#compressor.workers) await new Promise<void>((go) => this.#waiting.push(go));
    this.#running += 1;
    try {
      this.#signal.throwIfAborted();
      return await this.#compress(buffer, offset);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #compress(buffer: ArrayBuffer, offset: number): Promise<ArrayBuffer> {
    const codec = this.#codec;
    const bytes = buffer.byteLength - offset;
    const scratch = this.#idle.pop() ?? new ArrayBuffer(this.#scratchBytes);
    if (codec.kind !== 'listed' || methodOf(codec).kind !== 'worker') {
      const collected = await this.#byProgram(new Uint8Array(buffer, offset), new Uint8Array(scratch));
      return this.#exact(offset, collected, buffer);
    }
    const { name, level } = codec;
    const request = { codec: name, level, buffer, offset, bytes, output: scratch };
    const done = await this.#compressor.compressWhole(request);
    return this.#exact(offset, new Uint8Array(done.output, 0, done.outputBytes), done.buffer);
  }

  async #byProgram(data: Uint8Array, scratch: Uint8Array): Promise<Uint8Array> {
    const stream = compressStream(once(data), this.#codec, {
      compressor: this.#compressor,
      window: 2,
      signal: this.#signal,
    });
    let output = scratch;
    let written = 0;
    for await (const slice of stream) {
      if (written + slice.length > output.length) {
        // An external program may write any amount.
        const larger = new Uint8Array(2 * (written + slice.length));
        larger.set(output.subarray(0, written));
        output = larger;
      }
      output.set(slice, written);
      written += slice.length;
    }
    return output.subarray(0, written);
  }

  #exact(offset: number, compressed: Uint8Array, used: ArrayBuffer): ArrayBuffer {
    const exact = new ArrayBuffer(offset + compressed.length);
    new Uint8Array(exact, offset).set(compressed);
    discard(new Uint8Array(used));
    const { buffer: scratch } = compressed;
    if (scratch instanceof ArrayBuffer && scratch.byteLength === this.#scratchBytes) this.#idle.push(scratch);
    return exact;
  }
}

/** Buffer size for one compressed volume. */
export function scratchBytesFor(codec: CodecChoice, mostBytes: number): number {
  if (codec.kind === 'none') return 0;
  if (codec.kind === 'external') return mostBytes;
  const method = methodOf(codec);
  if (method.kind === 'worker') return worstCaseOfWhole(method, codec.level, mostBytes);
  return method.kind === 'program' ? method.worstCaseBytes(mostBytes) : mostBytes + 65_536;
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(data);
}
