/**
 * The key file beside the journal: the secrets of the running volumes, and of no other. It is replaced as a whole whenever a volume
 * begins or ends, so that the journal itself can stay a file that is only appended to. Pure.
 */
import { createHash } from 'node:crypto';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import { encodeLine, scanLines } from './lines.js';

export type KeyRing = ReadonlyMap<string, VolumeSecrets>;

/** An ID of secrets that reveals nothing about them: the session key is 32 random octets. */
export function keyIdOf(secrets: VolumeSecrets): string {
  return createHash('sha256')
    .update('backuppc-b2 key id')
    .update(secrets.sessionKey)
    .update(secrets.salt)
    .digest('hex')
    .slice(0, 32);
}

export function encodeKeys(keys: KeyRing): Buffer {
  const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
  const lines = [...keys].map(([keyId, { profile, aead, sessionKey, salt, keyPackets }]) =>
    encodeLine(JSON.stringify([keyId, profile, aead, base64(sessionKey), base64(salt), base64(keyPackets)])),
  );
  return Buffer.concat(lines);
}

function decodeEntry(payload: string): VolumeSecrets | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (!Array.isArray(entry) || entry.length !== 6 || !entry.every((field) => typeof field === 'string'))
    return undefined;
  const [keyId, profile, aead, ...octets] = entry;
  if (profile !== 'librepgp' && profile !== 'rfc4880' && profile !== 'rfc9580') return undefined;
  if (aead !== 'ocb' && aead !== 'gcm') return undefined;
  const [sessionKey, salt, keyPackets] = octets.map((field) => new Uint8Array(Buffer.from(field, 'base64')));
  if (sessionKey === undefined || salt === undefined || keyPackets === undefined) return undefined;
  const secrets = { profile, aead, sessionKey, salt, keyPackets } as const;
  return keyIdOf(secrets) === keyId ? secrets : undefined;
}

/** Unreadable entries are left out: their volumes start over. */
export function decodeKeys(file: Buffer): Map<string, VolumeSecrets> {
  const keys = new Map<string, VolumeSecrets>();
  const { payloads, damage } = scanLines(file);
  if (damage !== undefined) return keys;
  for (const payload of payloads) {
    const secrets = decodeEntry(payload);
    if (secrets !== undefined) keys.set(keyIdOf(secrets), secrets);
  }
  return keys;
}
