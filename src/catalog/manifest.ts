/**
 * The manifest: what an archive is. It is stored twice.
 *
 * - `HOST.N.tar.MANIFEST.gpg`, sealed under the archive's own keys, is what readers obey: only who has those keys can have written it.
 * - `HOST.N.tar.COMPLETE`, the same as plain JSON (gzip's where volumes are cut by content) with the SHA-256 of the sealed one, is the last object
 *   of an archive. An archive without it is not finished. Listings, and `verify` without a key, rely on it; by itself it proves nothing.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import * as v from 'valibot';
import { Failure } from '../errors.js';
import { immodest } from './modest-json.js';

export const MANIFEST_FORMAT = 'backuppc-b2/1';

export interface ManifestVolume {
  readonly name: string;
  readonly fileId: string;
  /** Sealed bytes in B2. */
  readonly bytes: number;
  /** Bytes of the (compressed) tar inside. */
  readonly dataBytes: number;
  /** Sealed bytes and hex SHA-1 of each part, in order. A volume uploaded as a plain file has one. */
  readonly parts: readonly (readonly [bytes: number, sha1: string])[];
}

/** The member index, `HOST.N.tar.FILES.gpg`: sealed like a volume, gzip inside. */
export interface ManifestIndex extends ManifestVolume {
  readonly members: number;
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly program: string;
  /** Identifies the run that made these volumes; equal to their file info `run`. */
  readonly run: string;
  readonly host: string;
  readonly number: number;
  readonly share: string;
  readonly state: 'finished' | 'partial';
  /** Why it is partial; empty when finished. */
  readonly reasons: readonly string[];
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly codec: { readonly name: string; readonly level: number | null };
  /** `$compext` as it stands in the names: '', '.gz', … */
  readonly extension: string;
  readonly profile: string;
  /** Bytes per volume as asked for; 0 = not split. */
  readonly splitSize: number;
  readonly tar: {
    readonly bytes: number;
    /** As tarCreate's `Done:` line counts them; null where the source does not say. */
    readonly files: number | null;
    readonly directories: number | null;
    readonly errors: number | null;
  };
  readonly volumes: readonly ManifestVolume[];
  /** Of the volumes' sealed bytes, those that B2 copied from an earlier archive; only where volumes are cut by content. */
  readonly copiedBytes?: number;
  /** Missing if there is none: not wanted, the source is not a tar, or an archive of version 1.0. */
  readonly index?: ManifestIndex;
}

/** A tar has two blocks of 512 octets at its end. */
const LEAST_TAR_BYTES = 1024;

/** Whether it may hold something else than a tar: no tarCreate counted its files, and it has no member index, or is too short for a tar. */
export function mayHoldOther({ tar, index }: Pick<Manifest, 'tar' | 'index'>): boolean {
  return tar.files === null && (index === undefined || tar.bytes < LEAST_TAR_BYTES);
}

/** What the next archive of the host needs to know its volumes again. Only in the sealed manifest, since it holds the key of the digests. */
export interface ReuseRecord {
  /** Hex, 32 octets: of the digests, of the cuts, and salt of `keys`. */
  readonly digestKey: string;
  /** Fingerprint of the passphrases and recipients. */
  readonly keys: string;
  /** What a sealed volume depends on besides its tar bytes, in an operator's words. */
  readonly shape: Readonly<Record<string, string | number | boolean>>;
  /** Of the volumes, as they were cut: bytes of the tar. */
  readonly targetBytes: number;
  /** Of each volume: hex keyed digest of its tar bytes, and when its sealed bytes left for B2, ms since 1970 by B2's clock. */
  readonly volumes: readonly (readonly [digest: string, sentAt: number])[];
}

/** What is sealed. */
export interface SealedManifest extends Manifest {
  readonly reuse?: ReuseRecord;
}

/** A stored object by the hash of its bytes. */
export interface HashedObject {
  readonly name: string;
  readonly fileId: string;
  readonly bytes: number;
  /** Hex SHA-256 of the stored bytes. */
  readonly sha256: string;
}

/** What COMPLETE says. `sealed` is missing in archives of version 1.0, which had no sealed manifest. */
export interface PlainManifest extends Manifest {
  readonly sealed?: HashedObject;
}

/** Sealed bytes and SHA-1 of each part of each volume, and of the member index, by fileId. */
type PartsByFileId = ReadonlyMap<string, ManifestVolume['parts']>;

export function partsByFileId(manifest: Manifest | undefined): PartsByFileId {
  const { volumes = [], index: its } = manifest ?? {};
  const sealed = its === undefined ? volumes : [its, ...volumes];
  return new Map(sealed.map(({ fileId, parts }) => [fileId, parts]));
}

const text = v.string('is not a string');
const count = v.pipe(
  v.number('is not a count'),
  v.safeInteger('is not a count'),
  v.minValue(0, 'is not a count'),
);
const countOrNull = v.nullable(count);
const hex = (digits: number, what: string) =>
  v.pipe(text, v.regex(new RegExp(`^[0-9a-f]{${digits}}$`), `is not ${what}`));

const hashedObject = v.object({ name: text, fileId: text, bytes: count, sha256: hex(64, 'a SHA-256') });

const volumeEntries = {
  name: text,
  fileId: text,
  bytes: count,
  dataBytes: count,
  parts: v.array(v.tuple([count, hex(40, 'a SHA-1')])),
};
const sumOf = (parts: ManifestVolume['parts']): number => parts.reduce((sum, [bytes]) => sum + bytes, 0);
const volume = v.pipe(
  v.object(volumeEntries),
  v.check(({ bytes, parts }) => sumOf(parts) === bytes, 'parts do not add up'),
);
const index = v.pipe(
  v.object({ ...volumeEntries, members: count }),
  v.check(({ bytes, parts }) => sumOf(parts) === bytes, 'parts do not add up'),
);

const entries = {
  format: v.literal(MANIFEST_FORMAT, `is not ${MANIFEST_FORMAT}`),
  program: text,
  run: text,
  host: text,
  number: count,
  share: text,
  state: v.picklist(['finished', 'partial'], 'is neither finished nor partial'),
  reasons: v.array(text),
  startedAt: text,
  finishedAt: text,
  /** zstd has negative levels. */
  codec: v.object({ name: text, level: v.nullable(v.pipe(v.number(), v.safeInteger())) }),
  extension: text,
  profile: text,
  splitSize: count,
  tar: v.object({ bytes: count, files: countOrNull, directories: countOrNull, errors: countOrNull }),
  volumes: v.array(volume),
  copiedBytes: v.exactOptional(count),
  index: v.exactOptional(index),
};

const reuse = v.object({
  digestKey: hex(64, 'a key'),
  keys: text,
  shape: v.record(text, v.union([text, v.number(), v.boolean()])),
  targetBytes: count,
  volumes: v.array(v.tuple([hex(64, 'a digest'), count])),
});

const sealedManifest: v.GenericSchema<unknown, SealedManifest> = v.object({
  ...entries,
  reuse: v.exactOptional(reuse),
});
const plainManifest: v.GenericSchema<unknown, PlainManifest> = v.object({
  ...entries,
  sealed: v.exactOptional(hashedObject),
});

/** Most bytes a manifest may have: that of 10,000 volumes of 100 parts has under 60 MB. */
export const MANIFEST_LIMIT_BYTES = 128 * 1024 * 1024;

/** COMPLETE as it is stored. @param packed gzip's: where there are many volumes it is a fifth of the length */
export async function encodePlainManifest(manifest: PlainManifest, packed: boolean): Promise<Buffer> {
  const text = Buffer.from(`${JSON.stringify(manifest)}\n`);
  return packed ? await promisify(gzip)(text, { level: 9 }) : text;
}

/** The JSON in COMPLETE. @throws Failure `damaged` */
export async function plainManifestText(stored: Uint8Array, name: string): Promise<string> {
  if (stored[0] !== 0x1f || stored[1] !== 0x8b) return Buffer.from(stored).toString('utf8');
  try {
    return (await promisify(gunzip)(stored, { maxOutputLength: MANIFEST_LIMIT_BYTES })).toString('utf8');
  } catch (cause) {
    throw new Failure('damaged', `${name}: what gzip packed is damaged`, { cause });
  }
}

/**
 * COMPLETE, every field checked. Unknown fields are left alone: a later version may add some.
 * @param name for the error message
 * @throws Failure `damaged`
 */
export function parsePlainManifest(json: string, name: string): PlainManifest {
  return checked(plainManifest, jsonOf(json, name), name);
}

/** A sealed manifest's JSON. @throws Failure `damaged` */
export function parseManifest(json: string, name: string): SealedManifest {
  return checked(sealedManifest, jsonOf(json, name), name);
}

function checked<T>(schema: v.GenericSchema<unknown, T>, json: unknown, name: string): T {
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const what = issue.message.startsWith('Invalid key') ? 'is missing' : issue.message;
  throw new Failure('damaged', `${name}: ${path === null ? 'the manifest' : path} ${what}`, {
    hint: 'the archive can still be read without its manifest: --unfinalized',
  });
}

function jsonOf(text: string, name: string): unknown {
  const problem = immodest(text);
  if (problem !== undefined) throw new Failure('damaged', `${name} ${problem}`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure('damaged', `${name}: not JSON`, { cause });
  }
}
