/** OpenPGP packet types and lengths (RFC 9580 §4.2, §5). Pure octet arithmetic. */

export const PACKET = {
  publicKeyEncryptedSessionKey: 1,
  signature: 2,
  symmetricKeyEncryptedSessionKey: 3,
  onePassSignature: 4,
  compressed: 8,
  symmetricallyEncrypted: 9,
  marker: 10,
  literal: 11,
  encryptedIntegrityProtected: 18,
  modificationDetection: 19,
  /** LibrePGP's AEAD encrypted data packet. */
  aeadEncrypted: 20,
  padding: 21,
} as const;

/** Longest piece whose length fits into a partial body length octet: 2^30 octets (§4.2.1.4). */
export const MAX_PARTIAL_EXPONENT = 30;

/** The octet that starts a packet of `type` in the current (“new”) format. */
export function packetTag(type: number): number {
  return 0xc0 | type;
}

/** The octet that announces a piece of 2^`exponent` octets, with more of the packet to follow. */
export function partialLength(exponent: number): number {
  return 0xe0 | exponent;
}

/** A definite body length in its shortest form: 1, 2 or 5 octets (§4.2.1.1–3). */
export function definiteLength(bytes: number): number[] {
  if (bytes < 192) return [bytes];
  if (bytes < 8384) return [((bytes - 192) >> 8) + 192, (bytes - 192) & 0xff];
  return [0xff, ...uint32(bytes)];
}

/** A body length as it stands in a packet. */
export interface BodyLength {
  /** Octets of the length itself. */
  readonly octets: number;
  /** Octets of the body, or of its next piece. */
  readonly bytes: number;
  /** Whether another length and piece follow. */
  readonly partial: boolean;
}

/** How many octets a length has that begins with `first` (§4.2.1): the inverse of `definiteLength` and `partialLength`. */
export function lengthOctets(first: number): 1 | 2 | 5 {
  if (first < 192) return 1;
  if (first < 224) return 2;
  return first < 255 ? 1 : 5;
}

/** Reads the length at `at`. Octets from `end` on count as 0: the caller sees that the body does not end where it should. */
export function readLength(from: Uint8Array, at = 0, end = from.length): BodyLength {
  const octet = (i: number) => (at + i < end ? (from[at + i] ?? 0) : 0);
  const first = octet(0);
  const octets = lengthOctets(first);
  if (octets === 2) return { octets, bytes: ((first - 192) << 8) + octet(1) + 192, partial: false };
  if (octets === 5) {
    const bytes = octet(1) * 2 ** 24 + (octet(2) << 16) + (octet(3) << 8) + octet(4);
    return { octets, bytes, partial: false };
  }
  return first < 192
    ? { octets, bytes: first, partial: false }
    : { octets, bytes: 2 ** (first & 0x1f), partial: true };
}

/** Big-endian. */
function uint32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** A whole packet of known length. */
export function packet(type: number, body: Uint8Array): Uint8Array {
  const head = [packetTag(type), ...definiteLength(body.length)];
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}
