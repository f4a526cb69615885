/**
 * The keyed digest of a part's data, by which a rerun recognises that it reads the same data again.
 *
 * GMAC, because it runs at several times the speed of any hash here (5 GB/s beside 0.9–1.1 for SHA-256 and BLAKE2b), and then
 * HMAC-SHA-256 over its tag: a universal hash under a pseudo-random function needs no nonce, so equal data give equal
 * digests, and a digest tells nothing about the data to those without the key.
 */
import { createCipheriv, createHmac } from 'node:crypto';

export class DataDigest {
  readonly #key: Uint8Array;
  readonly #gmac;
  #bytes = 0n;

  /** @param key 32 octets, random and secret. */
  constructor(key: Uint8Array) {
    this.#key = key;
    const hashKey = createHmac('sha256', key).update('backuppc-b2 gmac').digest();
    this.#gmac = createCipheriv('aes-256-gcm', hashKey, new Uint8Array(12));
  }

  update(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#gmac.setAAD(data);
    this.#bytes += BigInt(data.length);
  }

  /** @returns hex, 64 digits. */
  end(part: number): string {
    this.#gmac.final();
    const facts = Buffer.alloc(16);
    facts.writeBigUInt64BE(BigInt(part), 0);
    facts.writeBigUInt64BE(this.#bytes, 8);
    return createHmac('sha256', this.#key)
      .update('backuppc-b2 part')
      .update(facts)
      .update(this.#gmac.getAuthTag())
      .digest('hex');
  }
}
