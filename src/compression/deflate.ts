import * as zlib from 'node:zlib';
import { discard } from '../discard.js';

/** Node takes smaller buffers from its pool, whose memory cannot be freed separately. */
const LEAST_RESULT_BYTES = 256 * 1024;

/**
 * Raw deflate in one call, at most `most` bytes. `take` gets the result, which is freed right after.
 * @returns what `take` returns
 */
export function deflate<T>(
  input: Uint8Array,
  most: number,
  options: zlib.ZlibOptions,
  take: (deflated: Uint8Array) => T,
): T {
  // The result comes in one piece, at the start of a buffer of its own.
  const chunkSize = Math.max(most, LEAST_RESULT_BYTES);
  const deflated = zlib.deflateRawSync(input, { ...options, chunkSize });
  const taken = take(deflated);
  discard(new Uint8Array(deflated.buffer));
  return taken;
}
