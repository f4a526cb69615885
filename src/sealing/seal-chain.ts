/**
 * Seals the parts of `rfc4880` volumes, in place. They form a chain: each part continues the cipher feedback and the
 * modification detection SHA-1 of the one before, neither of which can leave the thread, so one thread seals them in order.
 */
import { type Cipher, createCipheriv, createHash, type Hash } from 'node:crypto';
import { Failure } from '../errors.js';
import { partPlan, volumeLayout } from '../openpgp/layout.js';
import { packetTag, PACKET } from '../openpgp/packets.js';
import { DataDigest } from './data-digest.js';
import { discard } from '../discard.js';
import { assertBehind, PartWriter } from './part-writer.js';
import { plaintextSlices } from './plaintext.js';
import type { PartToSeal, SealedFacts } from './seal-part.js';

interface Chain {
  readonly cipher: Cipher;
  /** Of the prefix and all plaintext (RFC 9580 §5.13.1). */
  readonly detection: Hash;
  nextPart: number;
}

/** What one thread keeps between parts, by volume. */
export class ChainSealer {
  readonly #chains = new Map<number, Chain>();

  seal(volume: number, request: PartToSeal): SealedFacts {
    const { secrets, part, last, shape } = request;
    const { dataOffset } = volumeLayout(shape);
    const plan = partPlan(shape, part, last, request.dataBytes);
    const buffer = new Uint8Array(request.buffer);
    const writer = new PartWriter(buffer, plan.outer, request.hash);
    const digest = request.digestKey === undefined ? undefined : new DataDigest(request.digestKey);

    if (part === 0) {
      // A volume that starts over replaces its earlier chain.
      this.#chains.set(volume, {
        cipher: newCipher(secrets.sessionKey),
        detection: createHash('sha1'),
        nextPart: 0,
      });
      writer.writeRaw(secrets.keyPackets);
      writer.write(Uint8Array.of(1));
    }
    const chain = this.#chains.get(volume);
    if (chain?.nextPart !== part) {
      this.#chains.delete(volume);
      throw new Failure('internal', `part ${part} of volume ${volume} does not continue its chain`);
    }
    chain.nextPart += 1;
    const { cipher, detection } = chain;

    if (part === 0) {
      const prefix = Uint8Array.of(...secrets.salt, ...secrets.salt.subarray(14));
      detection.update(prefix);
      writer.write(cipher.update(prefix));
    }
    for (const slice of plaintextSlices(buffer, dataOffset, plan.inner, (data) => {
      digest?.update(data);
    })) {
      detection.update(slice);
      const ciphertext = cipher.update(slice);
      writer.write(ciphertext);
      discard(ciphertext);
      assertBehind(writer, slice);
    }
    if (last) {
      const head = Uint8Array.of(packetTag(PACKET.modificationDetection), 20);
      const hash = detection.update(head).digest();
      writer.write(cipher.update(Uint8Array.of(...head, ...hash)));
      this.#chains.delete(volume);
    }
    return { sha1: writer.end(), bytes: writer.position, digest: digest?.end(part) ?? '' };
  }
}

function newCipher(sessionKey: Uint8Array): Cipher {
  return createCipheriv('aes-256-cfb', sessionKey, new Uint8Array(16));
}
