/**
 * What is known of a host's last archive: for each volume the keyed digest of its tar bytes, and the object that holds it, sealed. Kept in
 * the state directory, in a file that only its owner may read. Without it the next archive sends everything once, and nothing else is lost.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readOwnFile, removeFile, replaceOwnFile } from '../own-files.js';
import { TEMPORARY_SUFFIX } from '../replace-file.js';
import { differences } from '../journal/identity.js';
import { encodeLine, scanLines } from '../journal/lines.js';
import type { ShapingOptions } from '../journal/records.js';

export const KNOWN_FORMAT = 'backuppc-b2-known/1';

export interface KnownVolume {
  /** Hex keyed digest of the volume's tar bytes. */
  readonly digest: string;
  readonly fileId: string;
  /** Sealed bytes, and their hex SHA-1. */
  readonly bytes: number;
  readonly sha1: string;
  /** Bytes of the (compressed) tar inside. */
  readonly dataBytes: number;
  /** When these sealed bytes left this machine, by B2's clock: ms since 1970. A copy keeps the time of what it was copied from. */
  readonly sentAt: number;
}

export interface KnownArchive {
  readonly host: string;
  readonly number: number;
  readonly bucket: string;
  readonly run: string;
  /** Hex, 32 octets: of the digests, of the cuts, and salt of `keys`. */
  readonly digestKey: string;
  /** `keyFingerprint` of the passphrases and recipients. */
  readonly keys: string;
  /** What a sealed volume depends on besides its tar bytes, in an operator's words. */
  readonly shape: ShapingOptions;
  /** Of the volumes, as they were cut: bytes of the tar. */
  readonly targetBytes: number;
  readonly tarBytes: number;
  readonly volumes: readonly KnownVolume[];
}

export type KnownResult =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly archive: KnownArchive }
  | { readonly kind: 'unusable'; readonly reason: string };

export function knownPath(directory: string, { host, bucket }: { host: string; bucket: string }): string {
  return join(directory, `${host}.${bucket}.known`);
}

/** @throws Failure `local` where the file cannot be read at all */
export async function loadKnown(path: string): Promise<KnownResult> {
  await removeTemporaries(path);
  const file = await readOwnFile(path);
  return file === undefined ? { kind: 'none' } : decodeKnown(file);
}

/** What a run that was killed left half-written. */
async function removeTemporaries(path: string): Promise<void> {
  for (const name of await readdir(dirname(path)).catch(() => []))
    if (name.startsWith(`${basename(path)}.`) && name.endsWith(TEMPORARY_SUFFIX))
      await removeFile(join(dirname(path), name));
}

/** Old content or new content, whatever happens. @throws Failure `local` */
export async function saveKnown(path: string, archive: KnownArchive): Promise<void> {
  await replaceOwnFile(path, encodeKnown(archive));
}

export function encodeKnown({ volumes, ...head }: KnownArchive): Buffer {
  const lines = volumes.map(({ digest, fileId, bytes, sha1, dataBytes, sentAt }) =>
    encodeLine(JSON.stringify([digest, fileId, bytes, sha1, dataBytes, sentAt])),
  );
  const first = encodeLine(JSON.stringify({ format: KNOWN_FORMAT, ...head, volumes: volumes.length }));
  return Buffer.concat([first, ...lines]);
}

export function decodeKnown(file: Buffer): KnownResult {
  const unusable = (reason: string): KnownResult => ({ kind: 'unusable', reason });
  const { payloads, goodBytes, damage } = scanLines(file);
  if (damage !== undefined || goodBytes !== file.length) return unusable(damage ?? 'its end is missing');
  const [first, ...rest] = payloads;
  if (first === undefined) return unusable('it is empty');
  const head = headOf(first);
  if (head === undefined) return unusable('it is not of this version of the program');
  const volumes = rest.map(volumeOf);
  if (volumes.length !== head.count) return unusable(`it has ${volumes.length} volumes of ${head.count}`);
  const whole = volumes.filter((volume) => volume !== undefined);
  if (whole.length < volumes.length) return unusable('a volume in it cannot be read');
  return { kind: 'known', archive: { ...head.archive, volumes: whole } };
}

function headOf(line: string): { archive: Omit<KnownArchive, 'volumes'>; count: number } | undefined {
  const fields = fieldsOf(line);
  const { format, host, number, bucket, run, digestKey, keys, shape, targetBytes, tarBytes, volumes } =
    fields;
  if (
    format !== KNOWN_FORMAT ||
    typeof host !== 'string' ||
    !isCount(number) ||
    typeof bucket !== 'string' ||
    typeof run !== 'string' ||
    !isHex(digestKey, 64) ||
    typeof keys !== 'string' ||
    !isShape(shape) ||
    !isCount(targetBytes) ||
    !isCount(tarBytes) ||
    !isCount(volumes)
  )
    return undefined;
  return {
    archive: { host, number, bucket, run, digestKey, keys, shape, targetBytes, tarBytes },
    count: volumes,
  };
}

function volumeOf(line: string): KnownVolume | undefined {
  const fields: unknown = JSON.parse(line);
  if (!Array.isArray(fields)) return undefined;
  const [digest, fileId, bytes, sha1, dataBytes, sentAt] = fields as readonly unknown[];
  if (!isHex(digest, 64) || typeof fileId !== 'string' || !isHex(sha1, 40)) return undefined;
  if (!isCount(bytes) || !isCount(dataBytes) || !isCount(sentAt)) return undefined;
  return { digest, fileId, bytes, sha1, dataBytes, sentAt };
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/.test(value);
}

function isShape(value: unknown): value is ShapingOptions {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((item) => ['string', 'number', 'boolean'].includes(typeof item))
  );
}

/** Why nothing of `archive` can be used by a run of this shape; undefined where it can. */
export function whyNotReusable(
  archive: Pick<KnownArchive, 'host' | 'bucket' | 'shape' | 'keys'>,
  run: Pick<KnownArchive, 'host' | 'bucket' | 'shape' | 'keys'>,
): string | undefined {
  if (archive.host !== run.host || archive.bucket !== run.bucket)
    return `it is of ${archive.host} in ${archive.bucket}`;
  const changed = differences(archive.shape, run.shape);
  if (archive.keys !== run.keys) changed.push('the passphrases or recipients have changed');
  return changed.length === 0 ? undefined : changed.join('; ');
}
