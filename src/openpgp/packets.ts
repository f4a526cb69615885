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
