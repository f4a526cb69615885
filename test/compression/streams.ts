/** What the tests of compression share: sources in slices, in-process compressor, stock decompressors. */
import { spawnSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import type { ChunkCompressor } from '../../src/compression/chunk.js';
import { type CodecChoice, codecOf, methodOf } from '../../src/compression/codec-choice.js';
import { compressChunk } from '../../src/compression/compress-chunk.js';
import { CODECS } from '../../src/compression/codecs.js';
import { withQuickest } from '../../src/compression/quickest.js';
import { compressStream } from '../../src/compression/compress-stream.js';
import { chunkedMethodOf } from '../../src/compression/memory.js';

/** `gzip:6 by libdeflate-gzip`: with that program. */
export function choice(text: string): CodecChoice {
  const [override, program] = text.split(' by ');
  return withQuickest(codecOf({ compPath: '', compExt: '', override }), (name) => name === program);
}

export function chunkBytesOf(codec: CodecChoice): number {
  if (codec.kind !== 'listed') throw new Error(`${codec.name} has no chunks`);
  const method = methodOf(codec);
  // Of a program for the whole stream, what it takes for one block or job.
  return method.kind === 'stream' ? 4 * 1024 * 1024 : chunkedMethodOf(method).chunkBytes(codec.level);
}

/** Does at once, in this thread, what a worker does; buffers are moved as the pool moves them. */
export const inProcess: ChunkCompressor = {
  compress: (request) => {
    const input = structuredClone(request.input, { transfer: [request.input] });
    const output = structuredClone(request.output, { transfer: [request.output] });
    return Promise.resolve({ ...compressChunk({ ...request, input, output }), input, output });
  },
};

/** Slices of the given length, each lent: it is overwritten before the next one comes. */
export async function* lent(data: Uint8Array, sliceBytes: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(sliceBytes);
  for (let from = 0; from < data.length; from += sliceBytes) {
    const piece = data.subarray(from, from + sliceBytes);
    buffer.set(piece);
    // As data comes from a pipe: whatever else is due goes first.
    await turn();
    yield buffer.subarray(0, piece.length);
    buffer.fill(0xee);
  }
}

/** Everything that a stream of borrowed slices says. */
export async function gather(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const slice of stream) pieces.push(Buffer.from(slice));
  return Buffer.concat(pieces);
}

export interface CompressedBy {
  readonly compressor?: ChunkCompressor;
  readonly window?: number;
  readonly threads?: number;
  readonly sliceBytes?: number;
}

export function compressed(data: Uint8Array, codec: CodecChoice, by: CompressedBy = {}): Promise<Buffer> {
  const { compressor = inProcess, window = 3, threads = 2, sliceBytes = 100_000 } = by;
  const { signal } = new AbortController();
  return gather(compressStream(lent(data, sliceBytes), codec, { compressor, window, threads, signal }));
}

/** By the stock program of the codec's row, which may not have anything to complain of. */
export function decompressed(stream: Uint8Array, codec: CodecChoice): Buffer {
  if (codec.kind === 'none') return Buffer.from(stream);
  const command = codec.kind === 'listed' ? CODECS[codec.name].decompress : undefined;
  if (command === undefined) throw new Error(`no decompressor for ${codec.name}`);
  const [program, ...words] = command;
  return output(program, words, stream);
}

export function output(
  program: string,
  words: readonly string[],
  input: Uint8Array = new Uint8Array(),
): Buffer {
  const { status, stdout, stderr, error } = spawnSync(program, words, { input, maxBuffer: 2 ** 28 });
  if (error !== undefined) throw error;
  if (status !== 0 || stderr.length > 0)
    throw new Error(`${program}: status ${String(status)} ${stderr.toString()}`);
  return stdout;
}
