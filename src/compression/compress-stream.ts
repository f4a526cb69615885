/** The stage between the source and the packer: tar in, compressed stream out, chunks compressed several at once. */
import { setMaxListeners } from 'node:events';
import type { ChunkCompressor, CompressedChunk } from './chunk.js';
import { Failure } from '../errors.js';
import { methodOf, type CodecChoice, type ExternalCodec, type ListedCodec } from './codec-choice.js';
import { type ChunkBuffers, ChunkPool } from './chunk-pool.js';
import { throughProgram } from './external.js';
import { formatNamed, formatOf } from './formats.js';
import { chunkedMethodOf, type ChunkedMethod } from './memory.js';
import { bareEnvironment } from './compressor-program.js';
import { ProgramCompressor } from './program-compressor.js';
import { ProgramShells } from './program-shell.js';

export interface CompressOptions {
  /** Compresses the chunks of codecs that run in workers. */
  readonly compressor: ChunkCompressor;
  /** For codecs whose chunks a program compresses; undefined: shells of its own. */
  readonly shells?: ProgramShells;
  /** Chunks that exist at once: one being filled, the others compressed or waiting for their turn. */
  readonly window: number;
  /** Threads of a program that compresses the whole stream; default 1. */
  readonly threads?: number;
  /** Ends everything, with its reason. */
  readonly signal: AbortSignal;
  /**
   * Called for chunks that a decompressor can start at, before their bytes are yielded, with their offsets in the source and in the
   * stream. Not for formats that refer to earlier data (gzip), nor for programs' own streams.
   */
  readonly onRestart?: ((sourceBytes: number, streamBytes: number) => void) | undefined;
}

/**
 * The compressed stream of `source`. For codec `none` it is the source itself.
 *
 * - Pulled: while nobody asks, the chunks in the window are finished and nothing more is read.
 * - Slices are borrowed both ways: the source's are used before the next is asked for, those yielded are valid until the next pull.
 * - The output depends only on the tar, the codec, its level and the program, if one compresses.
 * @throws Failure of the compressor; the error of the source; the signal's reason. `source` is returned in each case.
 */
export function compressStream(
  source: AsyncIterable<Uint8Array>,
  codec: CodecChoice,
  options: CompressOptions,
): AsyncIterable<Uint8Array> {
  switch (codec.kind) {
    case 'none':
      return source;
    case 'external':
      return asNamed(throughProgram(source, codec.words, process.env, options.signal), codec);
    case 'listed': {
      const method = methodOf(codec);
      if (method.kind !== 'stream') return compressChunks(source, codec, options);
      const words = method.words(codec.level, options.threads ?? 1);
      return throughProgram(source, [method.program, ...words], bareEnvironment(), options.signal);
    }
  }
}

/** Octets of a stream that tell its format. */
export const HEAD_BYTES = 16;

/**
 * @param head how the stream of an external program begins
 * @returns Failure `usage` if that is another format than its name or extension says: nobody could restore it
 */
export function wrongFormat(
  head: Uint8Array,
  { name, words, extension }: ExternalCodec,
): Failure | undefined {
  const expected = formatNamed(name);
  const found = formatOf(head);
  if (expected === undefined || head.length < HEAD_BYTES || found === expected) return undefined;
  return new Failure(
    'usage',
    `${words.join(' ')} does not write ${name}${extension === '' ? '' : ` (${extension})`} but ${found?.name ?? 'an unknown format'}`,
    { hint: 'give the extension of what it writes, or use --compress' },
  );
}

/** @throws as `wrongFormat` */
async function* asNamed(
  stream: AsyncIterable<Uint8Array>,
  codec: ExternalCodec,
): AsyncGenerator<Uint8Array, void, undefined> {
  let head = Buffer.alloc(0);
  for await (const slice of stream) {
    if (head.length < HEAD_BYTES) {
      head = Buffer.concat([head, slice.subarray(0, HEAD_BYTES)]);
      const failure = wrongFormat(head, codec);
      if (failure !== undefined) throw failure;
    }
    yield slice;
  }
}

async function* compressChunks(
  source: AsyncIterable<Uint8Array>,
  codec: ListedCodec,
  { compressor, shells, window, signal, onRestart }: CompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { name, level } = codec;
  const method = chunkedMethodOf(methodOf(codec));
  const envelope = method.kind === 'worker' ? method.envelope : undefined;
  const over = new AbortController();
  const pool = new ChunkPool(method, level);
  const line = new Line(
    method.kind === 'worker'
      ? compressor
      : new ProgramCompressor(method, shells ?? shellsUntil(AbortSignal.any([signal, over.signal]))),
  );
  const primer = new Primer(method);
  // The chunk that is being filled counts, too.
  const underWay = Math.max(1, window - 1);
  let filling: ChunkBuffers | undefined;
  let filled = 0;
  let check = 0;
  let totalBytes = 0;
  const restarts = method.kind === 'worker' && method.dictionaryBytes > 0 ? undefined : onRestart;
  let sourceYielded = 0;
  let streamYielded = 0;

  const begin = (): ChunkBuffers => {
    const buffers = pool.take();
    filled = 0;
    primer.prime(buffers.input);
    return buffers;
  };
  const dispatch = ({ input, output }: ChunkBuffers): void => {
    const dictionaryBytes = primer.bytes;
    primer.keepTail(input, filled);
    line.add({ codec: name, level, input, dictionaryBytes, inputBytes: filled, output }, filled);
    totalBytes += filled;
  };
  const oldest = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    const { chunk, inputBytes } = await line.oldest();
    signal.throwIfAborted();
    check = envelope?.joinChecks(check, chunk.check, inputBytes) ?? 0;
    restarts?.(sourceYielded, streamYielded);
    sourceYielded += inputBytes;
    streamYielded += chunk.outputBytes;
    yield new Uint8Array(chunk.output, 0, chunk.outputBytes);
    pool.give(chunk);
  };

  try {
    signal.throwIfAborted();
    if (envelope !== undefined) yield envelope.head;
    for await (const slice of source) {
      signal.throwIfAborted();
      line.throwIfBroken();
      for (let from = 0; from < slice.length;) {
        filling ??= begin();
        const count = Math.min(slice.length - from, pool.chunkBytes - filled);
        new Uint8Array(filling.input, primer.bytes + filled, count).set(slice.subarray(from, from + count));
        filled += count;
        from += count;
        if (filled === pool.chunkBytes) {
          while (line.length >= underWay) yield* oldest();
          dispatch(filling);
          filling = undefined;
        }
      }
    }
    signal.throwIfAborted();
    // Even an empty tar must give a stream that its decompressor accepts.
    if (envelope === undefined && totalBytes === 0) filling ??= begin();
    if (filling !== undefined) {
      while (line.length >= underWay) yield* oldest();
      dispatch(filling);
    }
    while (line.length > 0) yield* oldest();
    if (envelope !== undefined) yield envelope.tail(check, totalBytes);
  } finally {
    over.abort();
    await line.settled();
  }
}

function shellsUntil(signal: AbortSignal): ProgramShells {
  setMaxListeners(0, signal);
  return new ProgramShells(bareEnvironment(), signal);
}

/** Chunks under way, in the order of the tar. */
class Line {
  readonly #compressor: ChunkCompressor;
  readonly #chunks: { readonly done: Promise<CompressedChunk>; readonly inputBytes: number }[] = [];
  #broken: { readonly reason: unknown } | undefined;

  constructor(compressor: ChunkCompressor) {
    this.#compressor = compressor;
  }

  get length(): number {
    return this.#chunks.length;
  }

  add(request: Parameters<ChunkCompressor['compress']>[0], inputBytes: number): void {
    const done = this.#compressor.compress(request);
    done.catch((reason: unknown) => {
      this.#broken ??= { reason };
    });
    this.#chunks.push({ done, inputBytes });
  }

  async oldest(): Promise<{ readonly chunk: CompressedChunk; readonly inputBytes: number }> {
    const [first] = this.#chunks;
    if (first === undefined) throw new Error('no chunk is under way');
    const chunk = await first.done;
    this.#chunks.shift();
    return { chunk, inputBytes: first.inputBytes };
  }

  throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken.reason;
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#chunks.map(({ done }) => done));
  }
}

/** Copies the tail of each chunk in front of the next one's data. */
class Primer {
  readonly #tail: Uint8Array;
  /** Bytes before the data of the chunk that is being filled. */
  bytes = 0;
  #kept = 0;

  constructor(method: ChunkedMethod) {
    this.#tail = new Uint8Array(method.kind === 'worker' ? method.dictionaryBytes : 0);
  }

  prime(input: ArrayBuffer): void {
    new Uint8Array(input).set(this.#tail.subarray(0, this.#kept));
    this.bytes = this.#kept;
  }

  /** Every chunk but the last is longer than the dictionary. */
  keepTail(input: ArrayBuffer, inputBytes: number): void {
    this.#kept = Math.min(this.#tail.length, inputBytes);
    this.#tail.set(new Uint8Array(input, this.bytes + inputBytes - this.#kept, this.#kept));
  }
}
