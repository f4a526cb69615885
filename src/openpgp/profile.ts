/** The three ways a volume's message can be written, and the constants of each. Pure. */
import { Failure } from '../errors.js';
import { PACKET } from './packets.js';

/** `librepgp`: packet type 20 (draft-koch-librepgp §5.16). `rfc4880`: type 18 v1. `rfc9580`: type 18 v2. */
export type OpenPgpProfile = 'librepgp' | 'rfc4880' | 'rfc9580';
export type AeadAlgorithm = 'ocb' | 'gcm';

export const PROFILES: readonly OpenPgpProfile[] = ['librepgp', 'rfc4880', 'rfc9580'];

/** AES-256 (RFC 9580 §9.3), the only cipher written. */
export const AES256 = 9;
/** Octets of the keys of AES-128, -192 and -256: the ciphers that are read. */
export const KEY_BYTES: ReadonlyMap<number, number> = new Map([
  [7, 16],
  [8, 24],
  [9, 32],
]);
export const SESSION_KEY_BYTES = 32;
export const TAG_BYTES = 16;
/** The encrypted random prefix of `rfc4880`: one block and the repetition of its last two octets. */
export const CFB_PREFIX_BYTES = 18;
/** The modification detection code packet, encrypted at the end of `rfc4880`. */
export const MDC_BYTES = 22;

/** AEAD algorithm numbers (RFC 9580 §9.6) and nonce lengths. */
export const AEAD: Readonly<Record<AeadAlgorithm, { readonly id: number; readonly nonceBytes: number }>> = {
  ocb: { id: 2, nonceBytes: 15 },
  gcm: { id: 3, nonceBytes: 12 },
};

interface ProfileConstants {
  /** Type of the data packet. */
  readonly packet: number;
  /** Octets of `VolumeSecrets.salt`. */
  readonly saltBytes: number;
  /** Unencrypted octets that begin the data packet's body. */
  readonly headerBytes: number;
}

export const PROFILE: Readonly<Record<OpenPgpProfile, ProfileConstants>> = {
  librepgp: { packet: PACKET.aeadEncrypted, saltBytes: 15, headerBytes: 4 + 15 },
  rfc4880: { packet: PACKET.encryptedIntegrityProtected, saltBytes: 16, headerBytes: 1 },
  rfc9580: { packet: PACKET.encryptedIntegrityProtected, saltBytes: 32, headerBytes: 4 + 32 },
};

/** aeadChunk of 2^(octet + 6) bytes (RFC 9580 §5.13.2: at most 16, 4 MiB). */
export function chunkSizeOctet(aeadChunkBytes: number): number {
  const octet = Math.log2(aeadChunkBytes) - 6;
  if (!Number.isInteger(octet) || octet < 0 || octet > 16) {
    throw new Failure(
      'internal',
      `AEAD chunk of ${aeadChunkBytes} bytes: not a power of two from 64 to 4 Mi`,
    );
  }
  return octet;
}

/** The only mode of librepgp that gpg reads is OCB; the chained profile has no mode. */
export function checkAead(profile: OpenPgpProfile, aead: AeadAlgorithm): void {
  if (aead === 'gcm' && profile !== 'rfc9580') {
    throw new Failure('config', `profile ${profile} cannot be written with GCM`, {
      hint: 'use OCB, or the profile rfc9580',
    });
  }
}
