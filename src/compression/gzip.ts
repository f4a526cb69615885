/**
 * One gzip member (RFC 1952) of deflate blocks made by several threads, as pigz makes it: every chunk is primed with the last
 * 32 KiB before it and ends on a byte boundary (a sync flush), so the pieces are simply concatenated. Ranges within a chunk that do not
 * shrink are stored. If libdeflate's or ISA-L's program is installed, it compresses the chunks with a fraction of the CPU time, as members of
 * their own.
 */
import { constants } from 'node:zlib';
import type { CodecRow, QuickerProgram } from './codec.js';
import { crc32, crc32Combine } from './crc32.js';
import { deflate } from './deflate.js';
import { classify } from './compressibility.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** As far as deflate looks back. */
const WINDOW_BYTES = 32 * KIB;
const STORED_BLOCK_BYTES = 0xffff;

/**
 * Smaller blocks than zlib's default of 8. Measured on a tar of Debian's files at level 6: the result is 0.8 % larger than
 * `gzip -6`'s instead of 1.3 %, at the same speed; 6 gains another 0.2 % and costs a tenth of the speed.
 */
const MEM_LEVEL = 7;

/** Header: deflate, no name, no time (the same tar gives the same bytes), made on Unix. */
const HEAD = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);
/** A last, empty block with fixed codes (RFC 1951 section 3.2.6). */
const LAST_BLOCK = [3, 0];
/** The last block, CRC-32 and length. */
const TAIL_BYTES = 10;

export const gzip: CodecRow = {
  name: 'gzip',
  extensions: ['.gz'],
  programs: ['gzip', 'pigz', 'libdeflate-gzip', 'igzip'],
  levels: { min: 1, max: 9, default: 6 },
  decompress: ['gzip', '-dc'],
  method: {
    kind: 'worker',
    dictionaryBytes: WINDOW_BYTES,
    chunkBytes: () => 512 * KIB,
    worstCaseBytes,
    // Range by range, in `compress`.
    store: undefined,
    compress,
    envelope: {
      head: HEAD,
      checkOf: (chunk) => crc32(chunk),
      joinChecks: crc32Combine,
      tail: tailOf,
    },
  },
  quicker: [
    // Level 3 of its 0 to 3 makes what is as small as `gzip -1`'s.
    byProgram('igzip', { min: 1, max: 1 }, () => ['-3', '-n', '-q', '-c']),
    byProgram('libdeflate-gzip', { min: 1, max: 9 }, (level) => [`-${level}`, '-c']),
  ],
};

/** One member per chunk, which `gzip -dc` reads in sequence. Chunks are large enough for a process each. */
function byProgram(
  program: string,
  serves: QuickerProgram['serves'],
  words: (level: number) => readonly string[],
): QuickerProgram {
  return {
    kind: 'program',
    program,
    serves,
    chunkBytes: () => 4 * MIB,
    worstCaseBytes: (inputBytes) => worstCaseBytes(inputBytes) + HEAD.length + TAIL_BYTES,
    store: storeMember,
    words,
  };
}

function storeMember(chunk: Uint8Array, output: Uint8Array): number {
  output.set(HEAD);
  const bytes = HEAD.length + store(chunk, output.subarray(HEAD.length));
  const end = tailOf(crc32(chunk), chunk.length);
  output.set(end, bytes);
  return bytes + end.length;
}

function tailOf(check: number, totalBytes: number): Uint8Array {
  const tail = new Uint8Array(TAIL_BYTES);
  tail.set(LAST_BLOCK);
  const view = new DataView(tail.buffer);
  view.setUint32(2, check, true);
  view.setUint32(6, totalBytes % 2 ** 32, true);
  return tail;
}

function compress(chunk: Uint8Array, dictionary: Uint8Array, level: number, output: Uint8Array): number {
  let bytes = 0;
  for (const { start, end, compressible } of classify(chunk)) {
    const piece = chunk.subarray(start, end);
    if (compressible) {
      const before = start === 0 ? dictionary : chunk.subarray(Math.max(0, start - WINDOW_BYTES), start);
      const options = {
        level,
        memLevel: MEM_LEVEL,
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(before.length > 0 ? { dictionary: before } : {}),
      };
      bytes += deflate(piece, worstCaseBytes(piece.length), options, (deflated) => {
        output.set(deflated, bytes);
        return deflated.length;
      });
    } else {
      bytes += store(piece, output.subarray(bytes));
    }
  }
  return bytes;
}

/** Blocks without compression (RFC 1951 section 3.2.4). @returns bytes written to `output` */
function store(piece: Uint8Array, output: Uint8Array): number {
  let bytes = 0;
  for (let from = 0; from < piece.length; from += STORED_BLOCK_BYTES) {
    const block = piece.subarray(from, from + STORED_BLOCK_BYTES);
    const low = block.length & 0xff;
    const high = block.length >> 8;
    output.set([0, low, high, low ^ 0xff, high ^ 0xff], bytes);
    output.set(block, bytes + 5);
    bytes += 5 + block.length;
  }
  return bytes;
}

/** zlib's stored blocks are as large as its smaller buffers; each range ends in a flush. */
function worstCaseBytes(inputBytes: number): number {
  return inputBytes + Math.ceil(inputBytes / 256) + 64;
}
