/**
 * Keys, nonces and associated data of the AEAD profiles (RFC 9580 §5.13.2; draft-koch-librepgp §5.16). The session key and
 * the salt are arguments; nothing here is random.
 */
import {
  type CipherGCM,
  type CipherOCB,
  createCipheriv,
  createDecipheriv,
  type DecipherGCM,
  type DecipherOCB,
  hkdfSync,
} from 'node:crypto';
import { packetTag } from './packets.js';
import { AEAD, AES256, type AeadAlgorithm, PROFILE, TAG_BYTES } from './profile.js';

export type ChunkCipher = CipherGCM | CipherOCB;
export type ChunkDecipher = DecipherGCM | DecipherOCB;

/** The AEAD secrets of one message. */
export interface AeadMessage {
  readonly profile: 'librepgp' | 'rfc9580';
  readonly aead: AeadAlgorithm;
  /** c of an aeadChunk of 2^(c + 6) bytes. */
  readonly chunkOctet: number;
  /** Cipher number; default AES-256. */
  readonly cipher?: number;
  readonly sessionKey: Uint8Array;
  /** librepgp: the IV. rfc9580: the salt. */
  readonly salt: Uint8Array;
}

export interface AeadContext {
  /** The unencrypted octets that begin the data packet's body. */
  readonly header: Uint8Array;
  encryptChunk(index: number): ChunkCipher;
  decryptChunk(index: number): ChunkDecipher;
  /** Authenticates the number of chunks and of plaintext octets; encrypts nothing. */
  encryptFinal(chunks: number, plaintextBytes: number): ChunkCipher;
  decryptFinal(chunks: number, plaintextBytes: number): ChunkDecipher;
}

interface Schedule {
  readonly key: Uint8Array;
  readonly nonce: (index: number) => Uint8Array;
  readonly associatedData: (index: number) => Uint8Array;
}

export function aeadContext(message: AeadMessage): AeadContext {
  const { aead, chunkOctet, salt } = message;
  const version = message.profile === 'librepgp' ? 1 : 2;
  const settings = [version, message.cipher ?? AES256, AEAD[aead].id, chunkOctet];
  const info = Uint8Array.of(packetTag(PROFILE[message.profile].packet), ...settings);
  const schedule = message.profile === 'librepgp' ? librepgp(message, info) : rfc9580(message, info);
  const { key, nonce } = schedule;
  const finalData = (chunks: number, plaintextBytes: number) =>
    concat(schedule.associatedData(chunks), uint64(plaintextBytes));
  return {
    header: Uint8Array.of(...settings, ...salt),
    encryptChunk: (index) => aeadCipher(aead, key, nonce(index), schedule.associatedData(index)),
    decryptChunk: (index) => aeadDecipher(aead, key, nonce(index), schedule.associatedData(index)),
    encryptFinal: (chunks, bytes) => aeadCipher(aead, key, nonce(chunks), finalData(chunks, bytes)),
    decryptFinal: (chunks, bytes) => aeadDecipher(aead, key, nonce(chunks), finalData(chunks, bytes)),
  };
}

/** The nonce is the IV, its last eight octets XORed with the index; the associated data carry the index too. */
function librepgp({ sessionKey, salt }: AeadMessage, info: Uint8Array): Schedule {
  return {
    key: sessionKey,
    nonce(index) {
      const counter = uint64(index);
      const nonce = Uint8Array.from(salt);
      for (const [i, octet] of counter.entries())
        nonce[i + salt.length - 8] = (salt[i + salt.length - 8] ?? 0) ^ octet;
      return nonce;
    },
    associatedData: (index) => concat(info, uint64(index)),
  };
}

/** Key and nonce prefix are derived from the session key; the index is the end of the nonce. */
function rfc9580({ sessionKey, salt, aead }: AeadMessage, info: Uint8Array): Schedule {
  const keyBytes = sessionKey.length;
  const prefixBytes = AEAD[aead].nonceBytes - 8;
  const derived = new Uint8Array(hkdfSync('sha256', sessionKey, salt, info, keyBytes + prefixBytes));
  const prefix = derived.subarray(keyBytes);
  return {
    key: derived.subarray(0, keyBytes),
    nonce: (index) => concat(prefix, uint64(index)),
    associatedData: () => info,
  };
}

export function aeadCipher(
  aead: AeadAlgorithm,
  key: Uint8Array,
  nonce: Uint8Array,
  associatedData: Uint8Array,
): ChunkCipher {
  const bits = keyBits(key);
  const options = { authTagLength: TAG_BYTES };
  const cipher =
    aead === 'ocb'
      ? createCipheriv(`aes-${bits}-ocb`, key, nonce, options)
      : createCipheriv(`aes-${bits}-gcm`, key, nonce, options);
  cipher.setAAD(associatedData);
  return cipher;
}

export function aeadDecipher(
  aead: AeadAlgorithm,
  key: Uint8Array,
  nonce: Uint8Array,
  associatedData: Uint8Array,
): ChunkDecipher {
  const bits = keyBits(key);
  const options = { authTagLength: TAG_BYTES };
  const decipher =
    aead === 'ocb'
      ? createDecipheriv(`aes-${bits}-ocb`, key, nonce, options)
      : createDecipheriv(`aes-${bits}-gcm`, key, nonce, options);
  decipher.setAAD(associatedData);
  return decipher;
}

function keyBits(key: Uint8Array): 128 | 192 | 256 {
  return key.length === 16 ? 128 : key.length === 24 ? 192 : 256;
}

function uint64(value: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, BigInt(value));
  return octets;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
