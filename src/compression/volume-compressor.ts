/**
 * Compresses volumes, each into a stream of its own, several at once: in the workers if the codec can, else by its program.
 */
import type { ByteBudget } from '../chunks/byte-budget.js';
import { discard } from '../discard.js';
import { Failure } from '../errors.js';
import { methodOf, type CodecChoice } from './codec-choice.js';
import type { CodecName } from './codec-name.js';
import type { ChunkCompressor } from './chunk.js';
import { worstCaseOfWhole } from './compress-whole.js';
import { compressStream, HEAD_BYTES, wrongFormat } from './compress-stream.js';
import { bareEnvironment } from './compressor-program.js';
import type { Effort } from './effort.js';
import { ProgramShells, type PlainCommand } from './program-shell.js';
import { WaitQueue } from '../wait-queue.js';

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

export interface VolumeCompressorOptions {
  readonly codec: CodecChoice;
  readonly compressor: WholeCompressor;
  /** For what comes out: room for the longest volume at least (`scratchBytesFor`). */
  readonly memory: ByteBudget;
  /** Sets the level of each volume; undefined: the codec's own. */
  readonly effort: Pick<Effort, 'levelFor'> | undefined;
  readonly signal: AbortSignal;
}

export class VolumeCompressor {
  readonly #options: VolumeCompressorOptions;
  readonly #shells: ProgramShells;
  #running = 0;
  readonly #turns = new WaitQueue<undefined, undefined>();

  constructor(options: VolumeCompressorOptions) {
    this.#options = options;
    // A program that the user has named may be a script that needs the rest.
    const env = options.codec.kind === 'external' ? process.env : bareEnvironment();
    this.#shells = new ProgramShells(env, options.signal);
  }

  /**
   * @param buffer exactly as long as the data and what precedes it; taken over
   * @returns a buffer of the same shape: the compressed data at the same offset
   */
  async compress(buffer: ArrayBuffer, offset: number): Promise<ArrayBuffer> {
    const { codec, compressor, memory, signal } = this.#options;
    if (codec.kind === 'none') return buffer;
    // Whoever grants a turn hands on its place.
    if (this.#running < compressor.workers) this.#running += 1;
    else await this.#turns.wait(undefined, signal);
    try {
      signal.throwIfAborted();
      const scratchBytes = scratchBytesFor(codec, buffer.byteLength - offset);
      await memory.take(scratchBytes);
      try {
        return await this.#compress(buffer, offset, scratchBytes);
      } finally {
        memory.give(scratchBytes);
      }
    } finally {
      if (!this.#turns.grantNext(undefined)) this.#running -= 1;
    }
  }

  async #compress(buffer: ArrayBuffer, offset: number, scratchBytes: number): Promise<ArrayBuffer> {
    const codec = this.#levelled(buffer.byteLength - offset);
    const bytes = buffer.byteLength - offset;
    const scratch = new ArrayBuffer(scratchBytes);
    if (codec.kind !== 'listed' || methodOf(codec).kind !== 'worker') {
      const output = new Collected(new Uint8Array(scratch));
      await this.#byProgram(codec, new Uint8Array(buffer, offset), output);
      return exact(offset, output.bytes, buffer);
    }
    const { name, level } = codec;
    const request = { codec: name, level, buffer, offset, bytes, output: scratch };
    const done = await this.#options.compressor.compressWhole(request);
    return exact(offset, new Uint8Array(done.output, 0, done.outputBytes), done.buffer);
  }

  #levelled(bytes: number): CodecChoice {
    const { codec, effort } = this.#options;
    if (effort === undefined || codec.kind !== 'listed') return codec;
    return { ...codec, level: effort.levelFor(bytes, this.#turns.size > 0) };
  }

  async #byProgram(codec: CodecChoice, data: Uint8Array, output: Collected): Promise<void> {
    const command = commandOf(codec, data.length);
    if (command !== undefined) {
      await this.#shells.run(command, data, (slice) => {
        output.add(slice);
      });
      const { bytes } = output;
      const failure =
        codec.kind === 'external' ? wrongFormat(bytes.subarray(0, HEAD_BYTES), codec) : undefined;
      if (failure !== undefined) throw failure;
      if (bytes.length === 0 && data.length > 0) throw new Failure('local', `${command[0]} wrote nothing`);
      return;
    }
    const { compressor, signal } = this.#options;
    const how = { compressor, shells: this.#shells, window: 2, signal };
    for await (const slice of compressStream(once(data), codec, how)) output.add(slice);
  }

  /** Nothing is compressed any more. */
  close(): void {
    this.#shells.close();
  }
}

/** @returns undefined where no program makes the stream as a whole */
function commandOf(codec: CodecChoice, bytes: number): PlainCommand | undefined {
  if (codec.kind === 'external') return codec.words;
  if (codec.kind === 'none') return undefined;
  const method = methodOf(codec);
  return method.kind === 'stream' ? [method.program, ...method.words(codec.level, 1, bytes)] : undefined;
}

/** What a program writes, which may be any amount. */
class Collected {
  #room: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(room: Uint8Array<ArrayBuffer>) {
    this.#room = room;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(0, this.#length);
  }

  add(slice: Uint8Array): void {
    const needed = this.#length + slice.length;
    if (needed > this.#room.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(this.bytes);
      this.#room = larger;
    }
    this.#room.set(slice, this.#length);
    this.#length = needed;
  }
}

/** @param compressed thrown away, and `used` too */
function exact(offset: number, compressed: Uint8Array<ArrayBuffer>, used: ArrayBuffer): ArrayBuffer {
  const fitted = new ArrayBuffer(offset + compressed.length);
  new Uint8Array(fitted, offset).set(compressed);
  discard(new Uint8Array(used));
  discard(new Uint8Array(compressed.buffer));
  return fitted;
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
