/**
 * String-to-key: turns a passphrase into a key (RFC 9580 §3.7). Hashes a stream, because the largest count is 62 MiB of input, too much for a
 * buffer in a program that promises little memory.
 */
import { createHash, type Hash } from 'node:crypto';
import { Failure } from '../errors.js';

/** Iterated and salted, type 3 (§3.7.1.3); types 0 and 1 are only read. */
export interface S2k {
  readonly type: 0 | 1 | 3;
  /** Hash algorithm number (§9.5). */
  readonly hash: number;
  /** 8 octets; empty for type 0. */
  readonly salt: Uint8Array;
  /** Coded count of type 3. */
  readonly countOctet: number;
}

const HASHES: ReadonlyMap<number, string> = new Map([
  [1, 'md5'],
  [2, 'sha1'],
  [3, 'ripemd160'],
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
  [11, 'sha224'],
  [12, 'sha3-256'],
  [14, 'sha3-512'],
]);

/** SHA-512: the slowest hash that every reader supports, with and without SHA instructions. */
export const S2K_HASH = 10;

/** Octets hashed for a coded count: 1024 to 65,011,712. */
export function s2kOctets(countOctet: number): number {
  return (16 + (countOctet & 15)) << ((countOctet >> 4) + 6);
}

/** The smallest coded count for at least `octets`, at most 255. */
export function s2kCountOctet(octets: number): number {
  for (let coded = 0; coded < 255; coded++) if (s2kOctets(coded) >= octets) return coded;
  return 255;
}

export function encodeS2k(s2k: S2k): Uint8Array {
  return Uint8Array.of(s2k.type, s2k.hash, ...s2k.salt, ...(s2k.type === 3 ? [s2k.countOctet] : []));
}

/** @returns the specifier at the start of `octets` and its length, or undefined where it is of a kind we cannot use. */
export function decodeS2k(octets: Uint8Array): { readonly s2k: S2k; readonly bytes: number } | undefined {
  const [type, hash = 0] = octets;
  const saltBytes = type === 0 ? 0 : 8;
  const bytes = 2 + saltBytes + (type === 3 ? 1 : 0);
  if ((type !== 0 && type !== 1 && type !== 3) || !HASHES.has(hash) || octets.length < bytes)
    return undefined;
  return {
    s2k: { type, hash, salt: octets.slice(2, 2 + saltBytes), countOctet: octets[bytes - 1] ?? 0 },
    bytes,
  };
}

/** @returns `keyBytes` octets derived from the passphrase. */
export function deriveKey(s2k: S2k, passphrase: Uint8Array, keyBytes: number): Uint8Array {
  const algorithm = HASHES.get(s2k.hash);
  if (algorithm === undefined) throw new Failure('internal', `S2K hash ${s2k.hash} is unknown`);
  const key = new Uint8Array(keyBytes);
  for (let filled = 0, context = 0; filled < keyBytes; context++) {
    // Each further context is preloaded with one more octet of zeros.
    const hash = createHash(algorithm).update(new Uint8Array(context));
    feed(hash, s2k, passphrase);
    const digest = hash.digest().subarray(0, keyBytes - filled);
    key.set(digest, filled);
    filled += digest.length;
  }
  return key;
}

function feed(hash: Hash, s2k: S2k, passphrase: Uint8Array): void {
  const unit = new Uint8Array(s2k.salt.length + passphrase.length);
  unit.set(s2k.salt);
  unit.set(passphrase, s2k.salt.length);
  if (unit.length === 0) return;
  const octets = s2k.type === 3 ? Math.max(s2kOctets(s2k.countOctet), unit.length) : unit.length;
  const repeats = Math.max(
    1,
    Math.min(Math.floor(octets / unit.length), Math.floor((64 << 10) / unit.length)),
  );
  const block = new Uint8Array(repeats * unit.length);
  for (let at = 0; at < block.length; at += unit.length) block.set(unit, at);
  let left = octets;
  for (; left >= block.length; left -= block.length) hash.update(block);
  hash.update(block.subarray(0, left));
}
