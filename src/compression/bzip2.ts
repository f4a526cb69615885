import type { CodecRow } from './codec.js';

/** What a level of 1 means: bzip2's blocks hold up to 100,000 bytes times the level. */
const BLOCK_UNIT = 100_000;

/** One bzip2 stream per chunk, as pbzip2 makes them. The format cannot store. */
export const bzip2: CodecRow = {
  name: 'bzip2',
  extensions: ['.bz2'],
  programs: ['bzip2', 'pbzip2', 'lbzip2'],
  levels: { min: 1, max: 9, default: 9 },
  decompress: ['bzip2', '-dc'],
  method: {
    kind: 'program',
    program: 'bzip2',
    // Whole blocks, so that chunks cost no compression; about 900,000 bytes, so that starting a process pays.
    chunkBytes: (level) => BLOCK_UNIT * level * Math.floor(9 / level),
    // The manual promises 1 % and 600 bytes. That is for one block; several small blocks add more.
    worstCaseBytes: (inputBytes) => inputBytes + Math.ceil(inputBytes / 50) + 1200,
    store: undefined,
    words: (level) => [`-${level}`, '-q', '-c'],
  },
};
