import * as zlib from 'node:zlib';

/** The polynomial of CRC-32 (RFC 1952 section 8), reflected. */
const POLYNOMIAL = 0xedb88320;

/** CRC-32 of `bytes`, continuing from `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return zlib.crc32(bytes, before);
}

/**
 * CRC-32 of two pieces joined, from the CRC-32 of each: first·x^(8·secondBytes) + second, over GF(2) modulo the polynomial.
 * The same as zlib's `crc32_combine`.
 */
export function crc32Combine(first: number, second: number, secondBytes: number): number {
  return (multiply(powerOfX(secondBytes * 8), first) ^ second) >>> 0;
}

/** x^n modulo the polynomial, by squaring. Bit 31 is x^0. */
function powerOfX(n: number): number {
  let power = 0x80000000;
  let square = 0x40000000;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(square, power);
    square = multiply(square, square);
  }
  return power;
}

/** a·b modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit--) {
    if (((a >>> bit) & 1) === 1) product ^= shifted;
    shifted = (shifted & 1) === 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}
