import type { AeadAlgorithm, OpenPgpProfile } from './profile.js';

/** The fixed secrets of one volume's OpenPGP message. Plain data: it crosses threads and is saved beside the journal. */
export interface VolumeSecrets {
  readonly profile: OpenPgpProfile;
  /** Of the AEAD profiles; `rfc4880` ignores it. */
  readonly aead: AeadAlgorithm;
  /** 32 octets, the same for a whole run if a passphrase opens it, otherwise different for each start of a volume. */
  readonly sessionKey: Uint8Array;
  /** Fresh for each start of a volume: IV of 15 octets (librepgp), salt of 32 (rfc9580), the 16 random octets of the prefix (rfc4880). */
  readonly salt: Uint8Array;
  /** The SKESK and PKESK packets that open the session key. They precede the data packet in the first part. */
  readonly keyPackets: Uint8Array;
}
