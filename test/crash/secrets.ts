/** Which messages share their nonces: the session key and the IV, out of the packets at the head of a message. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PACKET } from '../../src/openpgp/packets.js';
import { decodeS2k } from '../../src/openpgp/s2k.js';
import { openSkesk } from '../../src/openpgp/skesk.js';

/** LibrePGP's version, cipher, AEAD mode and chunk size precede the IV; its last 8 octets are counted up from chunk to chunk. */
const OCB = { from: 4, fixed: 7, bytes: 15 } as const;
/** The 16 random octets and their last two again, the first of what is encrypted: under one key they are equal where the random octets are. */
const CFB = { from: 1, fixed: 18, bytes: 18 } as const;

interface Head {
  readonly keyPackets: readonly { readonly type: number; readonly body: Buffer }[];
  /** What the nonces begin with. */
  readonly iv: string;
}

export class SecretsReader {
  readonly #passphrase: Uint8Array;
  /** Session keys, hashed, by key packets: to derive one takes long on purpose. */
  readonly #keys = new Map<string, string>();
  /** Session keys by the salt under which a passphrase encrypts them: without an IV, so that a second one would be readable. */
  readonly #salts = new Map<string, string>();

  constructor(passphrase: string) {
    this.#passphrase = Buffer.from(passphrase);
  }

  /** @returns equal for messages whose nonces could meet; undefined where the message ends within its head */
  read(message: Buffer): string | undefined {
    const head = headOf(message);
    return head === undefined ? undefined : `${this.#sessionKey(head)} ${head.iv}`;
  }

  #sessionKey({ keyPackets }: Head): string {
    const packets = hash(Buffer.concat(keyPackets.map(({ body }) => body)));
    const known = this.#keys.get(packets);
    if (known !== undefined) return known;
    const opened = keyPackets.flatMap(({ type, body }) => {
      if (type !== PACKET.symmetricKeyEncryptedSessionKey) return [];
      const session = openSkesk(body, this.#passphrase);
      return session === undefined ? [] : [session.key];
    });
    // Sealed with a passphrase that nobody told us: its key packets stand for it.
    const key = opened[0] === undefined ? packets : hash(opened[0]);
    this.#keys.set(packets, key);
    for (const { type, body } of keyPackets) {
      if (type !== PACKET.symmetricKeyEncryptedSessionKey || body[0] !== 4) continue;
      const salt = Buffer.from(decodeS2k(body.subarray(2))?.s2k.salt ?? []).toString('hex');
      assert.equal(this.#salts.get(salt) ?? key, key, `salt ${salt} encrypts two session keys`);
      this.#salts.set(salt, key);
    }
    return key;
  }
}

/** Of our own messages: lengths of the new format, OCB of LibrePGP or CFB. */
function headOf(message: Buffer): Head | undefined {
  const keyPackets: { type: number; body: Buffer }[] = [];
  for (let at = 0; ;) {
    const [tag, first, second] = message.subarray(at, at + 3);
    if (tag === undefined || first === undefined || second === undefined) return undefined;
    const type = tag & 0x3f;
    // One octet, two, a partial length of one, or five.
    const lengthBytes = first < 192 || (first >= 224 && first < 255) ? 1 : first < 224 ? 2 : 5;
    const begins = at + 1 + lengthBytes;
    if (type === PACKET.aeadEncrypted || type === PACKET.encryptedIntegrityProtected) {
      const nonce = type === PACKET.aeadEncrypted ? OCB : CFB;
      const iv = message.subarray(begins + nonce.from, begins + nonce.from + nonce.bytes);
      if (iv.length < nonce.bytes) return undefined;
      return { keyPackets, iv: iv.subarray(0, nonce.fixed).toString('hex') };
    }
    assert.ok(lengthBytes < 5 && first < 224, 'a key packet is short');
    const length = lengthBytes === 1 ? first : ((first - 192) << 8) + second + 192;
    keyPackets.push({ type, body: message.subarray(begins, begins + length) });
    at = begins + length;
  }
}

function hash(octets: Uint8Array): string {
  return createHash('sha1').update(octets).digest('hex').slice(0, 12);
}
