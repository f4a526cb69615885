/**
 * What is known about a host's last archive: for each volume, the keyed digest of its tar bytes and the object that holds it, sealed. Kept in
 * the state directory, in a file that only its owner may read. If it is lost, the next archive sends everything once; nothing else is lost.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { readOwnFile, removeFile, replaceOwnFile } from '../own-files.js';
import { temporariesOf } from '../replace-file.js';
import { count, hexOf, shapingOptions, text } from '../journal/fields.js';
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
  /** When these sealed bytes were sent, by B2's clock: ms since 1970. A copy keeps its source's time. */
  readonly sentAt: number;
}

export interface KnownArchive {
  readonly host: string;
  readonly number: number;
  readonly bucket: string;
  readonly run: string;
  /** Hex, 32 octets: the key of the digests and of the cuts, and the salt of `keys`. */
  readonly digestKey: string;
  /** `keyFingerprint` of the passphrases and recipients. */
  readonly keys: string;
  /** What a sealed volume depends on besides its tar bytes, in terms that an operator knows. */
  readonly shape: ShapingOptions;
  /** The target length of the volumes when they were cut: bytes of the tar. */
  readonly targetBytes: number;
  readonly tarBytes: number;
  readonly volumes: readonly KnownVolume[];
}

/** The file's first line. */
const headSchema = v.object({
  format: v.literal(KNOWN_FORMAT),
  host: text,
  number: count,
  bucket: text,
  run: text,
  digestKey: hexOf(64),
  keys: text,
  shape: shapingOptions,
  targetBytes: count,
  tarBytes: count,
  /** How many lines follow. */
  volumes: count,
});
/** Each following line: digest, file ID, bytes, SHA-1, bytes of data, when it was sent. */
const volumeSchema = v.tuple([hexOf(64), text, count, hexOf(40), count, count]);

export type KnownResult =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly archive: KnownArchive }
  | { readonly kind: 'unusable'; readonly reason: string };

export function knownPath(directory: string, { host, bucket }: { host: string; bucket: string }): string {
  return join(directory, `${host}.${bucket}.known`);
}

/** @throws Failure `local` if the file cannot be read at all */
export async function loadKnown(path: string): Promise<KnownResult> {
  for (const temporary of await temporariesOf(path).catch(() => [])) await removeFile(temporary);
  const file = await readOwnFile(path);
  return file === undefined ? { kind: 'none' } : decodeKnown(file);
}

/** Whatever happens, the file has either its old or its new content. @throws Failure `local` */
export async function saveKnown(path: string, archive: KnownArchive): Promise<void> {
  await replaceOwnFile(path, encodeKnown(archive));
}

/**
 * Removes volumes from what is known, so that the next archive sends them.
 * @param sha1s of their sealed bytes; copies have the same SHA-1
 * @returns how many there were. @throws Failure `local`
 */
export async function forgetVolumes(path: string, sha1s: ReadonlySet<string>): Promise<number> {
  const loaded = await loadKnown(path);
  if (loaded.kind !== 'known') return 0;
  const { archive } = loaded;
  const volumes = archive.volumes.filter(({ sha1 }) => !sha1s.has(sha1));
  const forgotten = archive.volumes.length - volumes.length;
  if (forgotten > 0) await saveKnown(path, { ...archive, volumes });
  return forgotten;
}

/**
 * The volumes that the next archive may copy: all but those that were removed from what was known while this archive was being made.
 * @param before what was known when it began; undefined if nothing was
 * @param now what is known when it ends
 */
export function withoutForgotten(
  volumes: readonly KnownVolume[],
  before: KnownArchive | undefined,
  now: KnownResult,
): readonly KnownVolume[] {
  if (before === undefined || now.kind !== 'known' || now.archive.run !== before.run) return volumes;
  const kept = new Set(now.archive.volumes.map(({ sha1 }) => sha1));
  const forgotten = new Set(before.volumes.flatMap(({ sha1 }) => (kept.has(sha1) ? [] : [sha1])));
  return forgotten.size === 0 ? volumes : volumes.filter(({ sha1 }) => !forgotten.has(sha1));
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
  const head = v.safeParse(headSchema, JSON.parse(first));
  if (!head.success) return unusable('it was not written by this version of the program');
  const { volumes: expected } = head.output;
  if (rest.length !== expected) return unusable(`it has ${rest.length} volumes of ${expected}`);
  const volumes = rest.map(volumeOf);
  const whole = volumes.filter((volume) => volume !== undefined);
  if (whole.length < volumes.length) return unusable('a volume in it cannot be read');
  const { host, number, bucket, run, digestKey, keys, shape, targetBytes, tarBytes } = head.output;
  const facts = { host, number, bucket, run, digestKey, keys, shape, targetBytes, tarBytes };
  return { kind: 'known', archive: { ...facts, volumes: whole } };
}

function volumeOf(line: string): KnownVolume | undefined {
  const row = v.safeParse(volumeSchema, JSON.parse(line));
  if (!row.success) return undefined;
  const [digest, fileId, bytes, sha1, dataBytes, sentAt] = row.output;
  return { digest, fileId, bytes, sha1, dataBytes, sentAt };
}

/** Why a run of this shape can use nothing of `archive`; undefined if it can. */
export function whyNotReusable(
  archive: Pick<KnownArchive, 'host' | 'bucket' | 'shape' | 'keys'>,
  run: Pick<KnownArchive, 'host' | 'bucket' | 'shape' | 'keys'>,
): string | undefined {
  if (archive.host !== run.host || archive.bucket !== run.bucket)
    return `it belongs to ${archive.host} in ${archive.bucket}`;
  const changed = differences(archive.shape, run.shape);
  if (archive.keys !== run.keys) changed.push('the passphrases or recipients have changed');
  return changed.length === 0 ? undefined : changed.join('; ');
}
