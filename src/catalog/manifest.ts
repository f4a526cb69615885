import { Failure } from '../errors.js';

/**
 * The manifest, `HOST.N.tar.COMPLETE`: the last object of an archive. An archive without it is not finished.
 * JSON, unencrypted: it holds nothing that the listing and the object names do not show already, and the SHA-1 of every
 * sealed part, so that the archive can be verified without the passphrase.
 */
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
}

/**
 * A manifest from its JSON text, every field checked. Unknown fields are left alone: a later version may add some.
 * @param name for the error message
 * @throws Failure `damaged`
 */
export function parseManifest(text: string, name: string): Manifest {
  const bad = (what: string): Failure =>
    new Failure('damaged', `${name}: ${what}`, {
      hint: 'the archive can still be read without its manifest: --unfinalized',
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Failure('damaged', `${name}: not JSON`, { cause });
  }
  const object = (value: unknown, path: string): Record<string, unknown> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw bad(`${path} is not an object`);
    return value as Record<string, unknown>;
  };
  const string = (value: unknown, path: string): string => {
    if (typeof value !== 'string') throw bad(`${path} is not a string`);
    return value;
  };
  const count = (value: unknown, path: string): number => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw bad(`${path} is not a count`);
    return value;
  };
  const countOrNull = (value: unknown, path: string): number | null =>
    value === null ? null : count(value, path);
  /** zstd has negative levels. */
  const levelOf = (value: unknown): number | null => {
    if (value === null || (typeof value === 'number' && Number.isSafeInteger(value))) return value;
    throw bad('codec.level is not a number');
  };
  const list = (value: unknown, path: string): readonly unknown[] => {
    if (!Array.isArray(value)) throw bad(`${path} is not a list`);
    return value as readonly unknown[];
  };

  const root = object(json, 'the manifest');
  if (root['format'] !== MANIFEST_FORMAT) throw bad(`format is not ${MANIFEST_FORMAT}`);
  const state = root['state'];
  if (state !== 'finished' && state !== 'partial') throw bad('state is neither finished nor partial');
  const codec = object(root['codec'], 'codec');
  const tar = object(root['tar'], 'tar');
  const volumes = list(root['volumes'], 'volumes').map((item, v): ManifestVolume => {
    const path = `volumes[${v}]`;
    const volume = object(item, path);
    const parts = list(volume['parts'], `${path}.parts`).map((part, p): readonly [number, string] => {
      const [bytes, sha1] = list(part, `${path}.parts[${p}]`);
      const hex = string(sha1, `${path}.parts[${p}][1]`);
      if (!/^[0-9a-f]{40}$/.test(hex)) throw bad(`${path}.parts[${p}][1] is not a SHA-1`);
      return [count(bytes, `${path}.parts[${p}][0]`), hex];
    });
    const bytes = count(volume['bytes'], `${path}.bytes`);
    if (parts.reduce((sum, [partBytes]) => sum + partBytes, 0) !== bytes)
      throw bad(`${path}: parts do not add up`);
    return {
      name: string(volume['name'], `${path}.name`),
      fileId: string(volume['fileId'], `${path}.fileId`),
      bytes,
      dataBytes: count(volume['dataBytes'], `${path}.dataBytes`),
      parts,
    };
  });
  return {
    format: MANIFEST_FORMAT,
    program: string(root['program'], 'program'),
    run: string(root['run'], 'run'),
    host: string(root['host'], 'host'),
    number: count(root['number'], 'number'),
    share: string(root['share'], 'share'),
    state,
    reasons: list(root['reasons'], 'reasons').map((reason, r) => string(reason, `reasons[${r}]`)),
    startedAt: string(root['startedAt'], 'startedAt'),
    finishedAt: string(root['finishedAt'], 'finishedAt'),
    codec: { name: string(codec['name'], 'codec.name'), level: levelOf(codec['level']) },
    extension: string(root['extension'], 'extension'),
    profile: string(root['profile'], 'profile'),
    splitSize: count(root['splitSize'], 'splitSize'),
    tar: {
      bytes: count(tar['bytes'], 'tar.bytes'),
      files: countOrNull(tar['files'], 'tar.files'),
      directories: countOrNull(tar['directories'], 'tar.directories'),
      errors: countOrNull(tar['errors'], 'tar.errors'),
    },
    volumes,
  };
}
