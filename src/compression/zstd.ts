/** Zstandard (RFC 8878): one frame per chunk in the workers where Node can (from 22.15 on), else one stream by the `zstd` program. */
import * as zlib from 'node:zlib';
import { discard } from '../discard.js';
import type { CodecMethod, CodecRow } from './codec.js';

const MIB = 1024 * 1024;

/** What Node 22.15 added to `node:zlib`. The installed types are those of the oldest supported Node. */
interface ZstdOfNode {
  readonly zstdCompressSync: (
    data: Uint8Array,
    options: { chunkSize: number; params: Readonly<Record<number, number>>; pledgedSrcSize: number },
  ) => Buffer<ArrayBuffer>;
}

/** Parameters of `ZSTD_CCtx_setParameter` (zstd.h). */
const COMPRESSION_LEVEL = 100;
const CHECKSUM_FLAG = 201;

/** The most that one block holds. */
const BLOCK_BYTES = 128 * 1024;

function methodOf(node: Partial<ZstdOfNode>): CodecMethod {
  const { zstdCompressSync } = node;
  if (zstdCompressSync === undefined) {
    return {
      kind: 'stream',
      program: 'zstd',
      // With `-T` the stream is always cut into jobs, even for one thread: so the bytes are the same for any number. By default the jobs
      // are of 8 MiB: those of 4 MiB make 0.2 % more bytes with 24 MB less for two threads.
      words: (level, threads) => [`-${level}`, '-q', '-c', `-T${threads}`, '-B4MiB'],
      // As measured at levels 1 to 4; the tables of higher levels are not counted.
      memoryBytes: (threads) => (8 + 8 * threads) * MIB,
    };
  }
  return {
    kind: 'worker',
    // On 200 MB of small files one frame is 2.72 times smaller, frames of 4 MiB 2.61, of 2 MiB 2.54; of larger files hardly less.
    chunkBytes: () => 4 * MIB,
    // ZSTD_COMPRESSBOUND, and the checksum.
    worstCaseBytes: (inputBytes) => inputBytes + (inputBytes >>> 8) + 1024,
    store,
    dictionaryBytes: 0,
    envelope: undefined,
    compress(chunk, _dictionary, level, output) {
      const frame = zstdCompressSync(chunk, {
        chunkSize: output.length,
        params: { [COMPRESSION_LEVEL]: level, [CHECKSUM_FLAG]: 1 },
        pledgedSrcSize: chunk.length,
      });
      const { length } = frame;
      output.set(frame);
      // The result is at the start of a buffer of its own.
      discard(new Uint8Array(frame.buffer));
      return length;
    },
  };
}

export const zstd: CodecRow = {
  name: 'zstd',
  extensions: ['.zst', '.zstd'],
  programs: ['zstd', 'zstdmt', 'pzstd'],
  levels: { min: 1, max: 19, default: 3 },
  // Windows over 128 MiB (`zstd --long=31`) have to be allowed; the memory is taken only where a frame asks for it.
  decompress: ['zstd', '-dcq', '--long=31'],
  method: methodOf(zlib as Partial<ZstdOfNode>),
};

/** One frame (RFC 8878 section 3.1.1) of raw blocks, its length in four octets, without a checksum. */
function store(chunk: Uint8Array, output: Uint8Array): number {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  output.set([0x28, 0xb5, 0x2f, 0xfd, 0xa0]);
  view.setUint32(5, chunk.length, true);
  let bytes = 9;
  for (let from = 0; from < chunk.length; from += BLOCK_BYTES) {
    const block = chunk.subarray(from, from + BLOCK_BYTES);
    const last = from + block.length === chunk.length ? 1 : 0;
    view.setUint16(bytes, ((block.length << 3) | last) & 0xffff, true);
    view.setUint8(bytes + 2, block.length >> 13);
    output.set(block, bytes + 3);
    bytes += 3 + block.length;
  }
  return bytes;
}
