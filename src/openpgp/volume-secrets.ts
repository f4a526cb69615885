import type { AeadAlgorithm, OpenPgpProfile } from './profile.js';

/** What is fixed and secret about one volume's OpenPGP message. Plain data: it crosses threads and goes into the journal. */
export interface VolumeSecrets {
  readonly profile: OpenPgpProfile;
  /** Of the AEAD profiles; `rfc4880` ignores it. */
  readonly aead: AeadAlgorithm;
  /** 32 octets: of one run where a passphrase opens it, of one start of a volume otherwise. */
  readonly sessionKey: Uint8Array;
  /** Fresh for each start of a volume: IV of 15 octets (librepgp), salt of 32 (rfc9580), the 16 random octets of the prefix (rfc4880). */
  readonly salt: Uint8Array;
  /** The SKESK and PKESK packets that open the session key. They precede the data packet in the first part. */
  readonly keyPackets: Uint8Array;
}
