/**
 * How a packet's body is cut into pieces with partial body lengths (RFC 9580 §4.2.1.4), so that the pieces of a part end
 * exactly where the part ends. A sealed part then promises nothing of the next one, and the last may have any length.
 */
import { MAX_PARTIAL_EXPONENT } from './packets.js';

/** Exponents k of pieces of 2^k octets whose bodies sum to exactly `bytes`; longest first. Their length octets come on top. */
export function piecesOfBody(bytes: number): number[] {
  const exponents: number[] = [];
  for (let left = bytes; left > 0;) {
    const exponent = largestExponent(left);
    exponents.push(exponent);
    left -= 2 ** exponent;
  }
  return exponents;
}

/**
 * Exponents k of pieces which, each with its length octet, sum to exactly `bytes`; longest first.
 * @param bytes 0, or at least 2: a lone octet cannot hold a length octet and a body.
 */
export function piecesWithLengths(bytes: number): number[] {
  if (bytes === 1) throw new RangeError('one octet holds no piece');
  const exponents: number[] = [];
  for (let left = bytes; left > 0;) {
    let exponent = largestExponent(left - 1);
    if (left - 1 - 2 ** exponent === 1) exponent -= 1;
    exponents.push(exponent);
    left -= 1 + 2 ** exponent;
  }
  return exponents;
}

function largestExponent(bytes: number): number {
  return Math.min(MAX_PARTIAL_EXPONENT, 31 - Math.clz32(bytes));
}
