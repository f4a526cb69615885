/**
 * Opens the body of an encrypted data packet with a modification detection code (RFC 9580 §5.13.1) as a stream. The code is at the end of the
 * message: earlier output can be trusted only when the stream ends without an error.
 */
import { createDecipheriv, createHash, type Decipher } from 'node:crypto';
import { Failure } from '../errors.js';
import { type ByteReader, truncated } from './byte-reader.js';
import { packetTag, PACKET } from './packets.js';
import { CFB_PREFIX_BYTES, MDC_BYTES } from './profile.js';
import type { SessionKey } from './skesk.js';

const SLICE_BYTES = 128 << 10;

/**
 * @param candidates The repeated octets of the prefix tell which is right (one wrong one in 65,536 passes).
 * @returns undefined where none of the candidates fits.
 */
export async function openCfbStream<Key extends SessionKey>(
  body: ByteReader,
  candidates: AsyncIterable<Key>,
): Promise<{ readonly key: Key; readonly plaintext: AsyncGenerator<Uint8Array, void, void> } | undefined> {
  const sealedPrefix = await body.exactly(CFB_PREFIX_BYTES);
  for await (const key of candidates) {
    const decipher = createDecipheriv(`aes-${key.key.length * 8}-cfb`, key.key, new Uint8Array(16));
    const prefix = decipher.update(sealedPrefix);
    if (prefix[14] === prefix[16] && prefix[15] === prefix[17])
      return { key, plaintext: open(body, decipher, prefix) };
  }
  return undefined;
}

async function* open(
  body: ByteReader,
  decipher: Decipher,
  prefix: Uint8Array,
): AsyncGenerator<Uint8Array, void, void> {
  const detection = createHash('sha1').update(prefix);
  // The last octets so far: if nothing follows, they are the code and not plaintext.
  let held: Uint8Array = new Uint8Array(0);
  for (let some = await body.some(SLICE_BYTES); some !== undefined; some = await body.some(SLICE_BYTES)) {
    const opened = decipher.update(some);
    const joined = held.length === 0 ? opened : Buffer.concat([held, opened]);
    const release = Math.max(0, joined.length - MDC_BYTES);
    held = Uint8Array.from(joined.subarray(release));
    if (release === 0) continue;
    const plaintext = joined.subarray(0, release);
    detection.update(plaintext);
    yield plaintext;
  }
  if (held.length < MDC_BYTES) throw truncated();
  const right = held[0] === packetTag(PACKET.modificationDetection) && held[1] === 20;
  const hash = detection.update(held.subarray(0, 2)).digest();
  if (!right || !hash.equals(held.subarray(2))) {
    throw new Failure(
      'damaged',
      'the data are damaged or truncated: the modification detection code does not match',
      {
        hint: 'what was written so far must not be used',
      },
    );
  }
}
