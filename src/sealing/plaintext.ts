/**
 * The plaintext of a part, made in place: the octets that frame a piece of the literal data packet overwrite the end of the previous piece,
 * which the cipher has already taken.
 */
import type { Piece } from '../openpgp/layout.js';

/** Slices this long stay in the cache from one operation to the next; `npm run bench -- sealing` compares lengths. */
export const SLICE_BYTES = 128 << 10;

/** Pieces shorter than this are gathered into one slice: they only occur at the end of a part. */
const SHORT_PIECE_BYTES = 8 << 10;

/**
 * Yields the plaintext in slices. Each must be taken before the next one is asked for. No byte of `buffer` before
 * `end of the slice + 1 − bytes of all leads` is read again.
 * @param buffer Holds the data, contiguous, from `dataOffset` on.
 * @param onData Is given the data without framing, each byte once, just before its slice.
 */
export function* plaintextSlices(
  buffer: Uint8Array,
  dataOffset: number,
  pieces: readonly Piece[],
  onData: (data: Uint8Array) => void,
  sliceBytes: number = SLICE_BYTES,
): Generator<Uint8Array, void, void> {
  let at = dataOffset;
  const firstShort = pieces.findIndex(({ bytes }) => bytes < SHORT_PIECE_BYTES);
  const long = firstShort === -1 ? pieces : pieces.slice(0, firstShort);
  const short = firstShort === -1 ? [] : pieces.slice(firstShort);

  for (const { lead, bytes } of long) {
    const end = at + bytes;
    let from = at - lead.length;
    buffer.set(lead, from);
    while (from < end) {
      const to = Math.min(end, from + sliceBytes);
      onData(buffer.subarray(Math.max(from, at), to));
      yield buffer.subarray(from, to);
      from = to;
    }
    at = end;
  }

  if (short.length === 0) return;
  const data = short.reduce((sum, piece) => sum + piece.bytes, 0);
  const leads = short.reduce((sum, piece) => sum + piece.lead.length, 0);
  onData(buffer.subarray(at, at + data));
  let to = at - leads;
  const from = to;
  for (const { lead, bytes } of short) {
    buffer.set(lead, to);
    buffer.copyWithin(to + lead.length, at, at + bytes);
    to += lead.length + bytes;
    at += bytes;
  }
  yield buffer.subarray(from, to);
}
