/** The inverse of the pieces of openpgp/layout.ts, for one part in memory: takes the length octets out, in place. */
import { Failure } from '../errors.js';
import { readLength } from '../openpgp/packets.js';

/**
 * Moves the pieces of a packet together.
 * @param from Of the first length octet. The body is moved to begin there.
 * @param to End of the part.
 * @param last Whether the packet ends with the part; otherwise another piece must follow behind `to`.
 * @returns the end of the body.
 * @throws Failure `damaged` where the pieces do not end exactly at `to`.
 */
export function unframe(bytes: Uint8Array, from: number, to: number, last: boolean): number {
  let read = from;
  let write = from;
  while (read < to) {
    const { octets, bytes: length, partial } = readLength(bytes, read, to);
    const end = read + octets + length;
    if (end > to) break;
    bytes.copyWithin(write, read + octets, end);
    read = end;
    write += length;
    if (!partial) {
      if (last && read === to) return write;
      break;
    }
    if (!last && read === to) return write;
  }
  throw new Failure(
    'damaged',
    'the lengths inside a part do not add up: it is damaged, or not of this volume',
  );
}
