import type { CodecRow } from './codec.js';
import { storeXz } from './xz-stored.js';

const MIB = 1024 * 1024;

/** One xz stream per chunk. */
export const xz: CodecRow = {
  name: 'xz',
  extensions: ['.xz'],
  programs: ['xz', 'pixz', 'pxz'],
  levels: { min: 0, max: 9, default: 6 },
  decompress: ['xz', '-dc'],
  method: {
    kind: 'program',
    program: 'xz',
    // The dictionary of levels 5 and 6 is 8 MiB; one larger than the chunk is useless.
    chunkBytes: (level) => (level < 2 ? 2 : level < 5 ? 4 : 8) * MIB,
    // LZMA2 stores what does not shrink, in pieces of 64 KiB with 3 bytes each.
    worstCaseBytes: (inputBytes) => inputBytes + (inputBytes >>> 12) + 1024,
    store: storeXz,
    words: (level) => [`-${level}`, '-q', '-c', '-T1'],
  },
};
