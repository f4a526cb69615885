import type { CodecRow } from './codec.js';

const MIB = 1024 * 1024;

/** One lz4 frame. One thread is faster than the rest of the pipeline. */
export const lz4: CodecRow = {
  name: 'lz4',
  extensions: ['.lz4'],
  programs: ['lz4'],
  levels: { min: 1, max: 12, default: 1 },
  decompress: ['lz4', '-dcq'],
  method: {
    kind: 'stream',
    program: 'lz4',
    // Blocks of 4 MiB, the largest of the format.
    words: (level) => [`-${level}`, '-q', '-c', '-B7'],
    memoryBytes: () => 8 * MIB,
  },
};
