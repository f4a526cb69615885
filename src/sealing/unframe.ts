/** The reverse of the pieces of src/openpgp/layout.ts, for one part in memory: takes length octets out, in place. */
import { Failure } from '../errors.js';

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
    const { lead, length, partial } = extentAt(bytes, read, to);
    const end = read + lead + length;
    if (end > to) break;
    bytes.copyWithin(write, read + lead, end);
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

function extentAt(
  bytes: Uint8Array,
  at: number,
  to: number,
): { readonly lead: number; readonly length: number; readonly partial: boolean } {
  const octet = (i: number) => (at + i < to ? (bytes[at + i] ?? 0) : 0);
  const first = octet(0);
  if (first < 192) return { lead: 1, length: first, partial: false };
  if (first < 224) return { lead: 2, length: ((first - 192) << 8) + octet(1) + 192, partial: false };
  if (first < 255) return { lead: 1, length: 2 ** (first & 0x1f), partial: true };
  const length = octet(1) * 2 ** 24 + (octet(2) << 16) + (octet(3) << 8) + octet(4);
  return { lead: 5, length, partial: false };
}
