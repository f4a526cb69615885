/**
 * Symmetric-key encrypted session key packets: the session key, encrypted with a passphrase (RFC 9580 §5.3).
 * Written and read here, not by OpenPGP.js, because that derives the key from one buffer as long as the S2K count;
 * docs/format.md gives the figures. Version 4 for `librepgp` and `rfc4880`, 5 only read, 6 for `rfc9580`.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { aeadCipher, aeadDecipher } from './aead.js';
import { packet, PACKET, packetTag } from './packets.js';
import { AEAD, AES256, KEY_BYTES, type OpenPgpProfile, TAG_BYTES } from './profile.js';
import { decodeS2k, deriveKey, encodeS2k, type S2k } from './s2k.js';

export interface SessionKey {
  /** Cipher number (§9.3); undefined if the data packet has it (version 6). */
  readonly cipher: number | undefined;
  readonly key: Uint8Array;
}

/** @param nonce 15 random octets for OCB (only `rfc9580` uses them). @returns a whole packet. */
export function writeSkesk(
  profile: OpenPgpProfile,
  s2k: S2k,
  nonce: Uint8Array,
  passphrase: Uint8Array,
  sessionKey: Uint8Array,
): Uint8Array {
  const specifier = encodeS2k(s2k);
  const derived = deriveKey(s2k, passphrase, 32);
  const type = PACKET.symmetricKeyEncryptedSessionKey;
  if (profile !== 'rfc9580') {
    const cipher = createCipheriv('aes-256-cfb', derived, new Uint8Array(16));
    const encrypted = cipher.update(Uint8Array.of(AES256, ...sessionKey));
    return packet(type, Buffer.concat([Uint8Array.of(4, AES256), specifier, encrypted]));
  }
  const settings = Uint8Array.of(6, AES256, AEAD.ocb.id);
  const { key, info } = wrappingKey(derived, settings);
  const cipher = aeadCipher('ocb', key, nonce, info);
  const encrypted = Buffer.concat([cipher.update(sessionKey), cipher.final(), cipher.getAuthTag()]);
  const fields = Buffer.concat([settings.subarray(1), Uint8Array.of(specifier.length), specifier, nonce]);
  return packet(type, Buffer.concat([Uint8Array.of(6, fields.length), fields, encrypted]));
}

/** Version 6 derives the key once more, bound to the packet's settings (§5.3.2). */
function wrappingKey(derived: Uint8Array, settings: Uint8Array): { key: Uint8Array; info: Uint8Array } {
  const info = Uint8Array.of(packetTag(PACKET.symmetricKeyEncryptedSessionKey), ...settings);
  return { key: new Uint8Array(hkdfSync('sha256', derived, new Uint8Array(0), info, derived.length)), info };
}

/**
 * Tries one passphrase on the body of one packet.
 * @returns undefined if this passphrase does not open it, as far as the packet can tell. Version 4 cannot, so a plausible key may turn out
 * wrong when the data are read.
 */
export function openSkesk(body: Uint8Array, passphrase: Uint8Array): SessionKey | undefined {
  if (body[0] === 4) return openVersion4(body, passphrase);
  if (body[0] === 5 || body[0] === 6) return openAead(body, passphrase);
  return undefined;
}

function openVersion4(body: Uint8Array, passphrase: Uint8Array): SessionKey | undefined {
  const cipher = body[1] ?? 0;
  const keyBytes = KEY_BYTES.get(cipher);
  const specifier = decodeS2k(body.subarray(2));
  if (keyBytes === undefined || specifier === undefined) return undefined;
  const derived = deriveKey(specifier.s2k, passphrase, keyBytes);
  const encrypted = body.subarray(2 + specifier.bytes);
  // Without an encrypted session key, the derived key is the session key.
  if (encrypted.length === 0) return { cipher, key: derived };
  const opened = createDecipheriv(`aes-${keyBytes * 8}-cfb`, derived, new Uint8Array(16)).update(encrypted);
  const inner = opened[0] ?? 0;
  const key = Uint8Array.from(opened.subarray(1));
  return KEY_BYTES.get(inner) === key.length ? { cipher: inner, key } : undefined;
}

function openAead(body: Uint8Array, passphrase: Uint8Array): SessionKey | undefined {
  const version = body[0] ?? 0;
  // Version 6 counts the octets of the fields, and again those of the specifier.
  const fields = version === 6 ? body.subarray(2) : body.subarray(1);
  const [cipher = 0, mode = 0] = fields;
  const specifierAt = version === 6 ? 3 : 2;
  const keyBytes = KEY_BYTES.get(cipher);
  const aead = mode === AEAD.ocb.id ? 'ocb' : mode === AEAD.gcm.id ? 'gcm' : undefined;
  const specifier = decodeS2k(fields.subarray(specifierAt));
  if (keyBytes === undefined || aead === undefined || specifier === undefined) return undefined;
  const nonceAt = specifierAt + specifier.bytes;
  const encryptedAt = nonceAt + AEAD[aead].nonceBytes;
  if (version === 6 && (body[1] !== encryptedAt || fields[2] !== specifier.bytes)) return undefined;
  const nonce = fields.subarray(nonceAt, encryptedAt);
  const encrypted = fields.subarray(encryptedAt);
  if (encrypted.length <= TAG_BYTES) return undefined;

  const derived = deriveKey(specifier.s2k, passphrase, keyBytes);
  const settings = Uint8Array.of(version, cipher, mode);
  const wrapping = wrappingKey(derived, settings);
  const key = version === 6 ? wrapping.key : derived;
  const decipher = aeadDecipher(aead, key, nonce, wrapping.info);
  decipher.setAuthTag(encrypted.subarray(encrypted.length - TAG_BYTES));
  try {
    const opened = decipher.update(encrypted.subarray(0, encrypted.length - TAG_BYTES));
    decipher.final();
    return { cipher: version === 6 ? undefined : cipher, key: Uint8Array.from(opened) };
  } catch {
    return undefined;
  }
}
