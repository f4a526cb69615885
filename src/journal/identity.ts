/** Whether an earlier run would produce the same: the options that shape the stored bytes, and the keys they are sealed to. */
import { createHash, scrypt } from 'node:crypto';
import type { ShapingOptions } from './records.js';

/** The differences in words: `compression was gzip:6, is zstd:3`. Empty if there are none. */
export function differences(before: ShapingOptions, now: ShapingOptions): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  const show = (value: string | number | boolean | undefined): string =>
    value === undefined || value === '' ? 'not set' : String(value);
  return names
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name} was ${show(before[name])}, is ${show(now[name])}`);
}

export interface KeyMaterial {
  readonly passphrases: readonly string[];
  /** Fingerprints of the recipients' keys, in hex. */
  readonly recipients: readonly string[];
}

/** Slower to guess at than the key packets themselves, which are public: 2^14 × 8 × 128 octets = 16 MiB, about 50 ms. */
const COST = { N: 2 ** 14, r: 8, p: 1, maxmem: 2 ** 26 };

/**
 * Tells whether two runs seal to the same passphrases and recipients; the order does not matter. It is kept in the journal, so it is
 * slow to compute from a guessed passphrase, and differs from journal to journal.
 * @param digestKey the journal's, in hex
 */
export async function keyFingerprint(keys: KeyMaterial, digestKey: string): Promise<string> {
  const hash = createHash('sha256');
  const list = (items: readonly string[]): string => JSON.stringify([...new Set(items)].sort());
  hash.update(list(keys.recipients));
  if (keys.passphrases.length > 0) {
    const octets = await new Promise<Buffer>((resolve, reject) => {
      scrypt(list(keys.passphrases), Buffer.from(digestKey, 'hex'), 32, COST, (error, derived) => {
        if (error === null) resolve(derived);
        else reject(error);
      });
    });
    hash.update(octets);
  }
  return hash.digest('hex');
}
