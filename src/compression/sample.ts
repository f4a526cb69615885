/** Whether a chunk is worth the work. Looks at a sample at fixed places, so that the same chunk always gets the same answer. */
import * as zlib from 'node:zlib';
import { discard } from '../discard.js';

const PIECES = 8;
const PIECE_BYTES = 4096;
/** Photos and films lose about 1 % to deflate, random data and compressed files nothing. */
const SHRINKS = 0.99;

/** Reused: of one thread, and nothing waits in between. */
const sample = new Uint8Array(PIECES * PIECE_BYTES);

/** Chunks that are hardly longer than the sample are simply compressed: false. */
export function looksIncompressible(chunk: Uint8Array): boolean {
  if (chunk.length < 2 * sample.length) return false;
  const step = Math.floor((chunk.length - PIECE_BYTES) / (PIECES - 1));
  for (let i = 0; i < PIECES; i++) {
    sample.set(chunk.subarray(i * step, i * step + PIECE_BYTES), i * PIECE_BYTES);
  }
  const deflated = zlib.deflateRawSync(sample, { level: 1, chunkSize: 2 * sample.length });
  const { length } = deflated;
  // The result is the beginning of a buffer of its own.
  discard(new Uint8Array(deflated.buffer));
  return length > sample.length * SHRINKS;
}
