import type { CodecRow } from './codec.js';

const MIB = 1024 * 1024;

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
    // The largest block of the format.
    chunkBytes: () => 4 * MIB,
    // LZ4_COMPRESSBOUND is n + n/255 + 16; blocks that do not shrink are stored.
    worstCaseBytes: (inputBytes) => inputBytes + Math.ceil(inputBytes / 255) + 1024,
    storeLevel: 1,
    words: (level) => [`-${level}`, '-q', '-c'],
  },
};
