import type { CodecRow } from './codec.js';

const MIB = 1024 * 1024;
/** The largest block of the format. */
const BLOCK_BYTES = 4 * MIB;

/** One lz4 frame per chunk. */
export const lz4: CodecRow = {
  name: 'lz4',
  extensions: ['.lz4'],
  programs: ['lz4'],
  levels: { min: 1, max: 12, default: 1 },
  decompress: ['lz4', '-dcq'],
  method: {
    kind: 'program',
    program: 'lz4',
    chunkBytes: () => BLOCK_BYTES,
    // LZ4_COMPRESSBOUND is n + n/255 + 16; blocks that do not shrink are stored.
    worstCaseBytes: (inputBytes) => inputBytes + Math.ceil(inputBytes / 255) + 1024,
    store,
    words: (level) => [`-${level}`, '-q', '-c'],
  },
};

/** One frame (lz4_Frame_format.md): version 1, no checksums, one block, which is not compressed. */
function store(chunk: Uint8Array, output: Uint8Array): number {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  // Magic number, independent blocks, of 4 MiB at most; the last octet is the check of the two before it.
  output.set([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  view.setUint32(7, (0x80000000 | chunk.length) >>> 0, true);
  output.set(chunk, 11);
  view.setUint32(11 + chunk.length, 0, true);
  return chunk.length + 15;
}
