/**
 * Names in the bucket: PREFIX HOST.N.tar EXT [.aa] .gpg, what BackupPC's own archive would have called the file, then `.gpg`.
 */

import { Failure } from '../errors.js';

/** File info keys of every object of an archive (lower case, as B2 returns them). */
export const INFO = {
  format: 'bb2-format',
  host: 'bb2-host',
  number: 'bb2-number',
  run: 'bb2-run',
  /** ID of the installation that made it. */
  maker: 'bb2-maker',
  volume: 'bb2-volume',
  codec: 'bb2-codec',
  profile: 'bb2-profile',
  /** Of the manifest only: 'finished' or 'partial'. */
  state: 'bb2-state',
  /** Of the manifest only: marks of the share and the settings, which only that installation can tell apart. */
  settings: 'bb2-settings',
  /** Of the manifest only: sealed bytes of all volumes, number of volumes, so that a listing need not download it. */
  bytes: 'bb2-bytes',
  volumes: 'bb2-volumes',
  /**
   * Of a manifest whose volumes are cut by content, so that a listing need not go through them: those of `bytes` that B2 copied from an
   * earlier archive, and when the archive began, ms since 1970.
   */
  copied: 'bb2-copied',
  started: 'bb2-started',
} as const;

/** Value of `bb2-format`: the version of the file info and of the names. */
export const INFO_FORMAT = '1';

/**
 * GNU split's own suffix sequence (aa … yz, zaaa … zyzz, zzaaaa …), whose lexical order is the numeric one.
 * @param index 0-based
 */
export function splitSuffix(index: number): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`split suffix of ${index}`);
  // Width w (letters after the z-prefix): first letter a…y, others a…z: 25 * 26^(w-1) names; then one more z and one more letter.
  let prefix = '';
  let width = 2;
  let rest = index;
  for (;;) {
    const names = 25 * 26 ** (width - 1);
    if (rest < names) break;
    rest -= names;
    prefix += 'z';
    width += 1;
  }
  let letters = '';
  for (let i = 0; i < width; i++) {
    letters = String.fromCharCode(97 + (rest % 26)) + letters;
    rest = Math.floor(rest / 26);
  }
  return prefix + letters;
}

/** Index of 'ha' in split's sequence: the first suffix that sorts after 'gpg'. */
const FIRST_AFTER_GPG = 7 * 26;

export interface ArchiveName {
  readonly prefix: string;
  readonly host: string;
  readonly number: number;
  /** '', '.gz', '.zst', … */
  readonly extension: string;
}

/**
 * Name of volume `index` (0-based). Without splitting the first volume has no suffix, and the ones it rolls into before B2's
 * 10,000 parts are used up go on at `.ha`, the first of split's suffixes that sorts behind `.gpg`: a sorted glob stays in order.
 */
export function volumeName(archive: ArchiveName, index: number, split: boolean): string {
  const stem = `${archive.prefix}${archive.host}.${archive.number}.tar${archive.extension}`;
  if (split) return `${stem}.${splitSuffix(index)}.gpg`;
  return index === 0 ? `${stem}.gpg` : `${stem}.${splitSuffix(FIRST_AFTER_GPG + index - 1)}.gpg`;
}

/** Digits in the name of a volume that is cut by content: sorted, they are in order. */
const CONTENT_DIGITS = 6;
const CONTENT_VOLUME = new RegExp(`/\\d{${CONTENT_DIGITS}}\\.gpg$`);

/**
 * Name of volume `index` (0-based) where volumes are cut by content: `PREFIX HOST.N.tar EXT/000000.gpg`, so that a listing with the
 * delimiter `/` shows archives without their volumes.
 */
export function contentVolumeName(archive: ArchiveName, index: number): string {
  if (index >= 10 ** CONTENT_DIGITS) {
    throw new Failure('config', `an archive has at most ${10 ** CONTENT_DIGITS} volumes`, {
      hint: 'archive again with larger ones: --reuse-volume 16M',
    });
  }
  return `${archiveStem(archive)}${archive.extension}/${String(index).padStart(CONTENT_DIGITS, '0')}.gpg`;
}

/** Whether `contentVolumeName` has made it. */
export function isContentVolume(name: string): boolean {
  return CONTENT_VOLUME.test(name);
}

export function manifestName(archive: Pick<ArchiveName, 'prefix' | 'host' | 'number'>): string {
  return `${archive.prefix}${archive.host}.${archive.number}.tar.COMPLETE`;
}

export function sealedManifestName(archive: Pick<ArchiveName, 'prefix' | 'host' | 'number'>): string {
  return `${archiveStem(archive)}.MANIFEST.gpg`;
}

/** Of the member index: sealed like a volume, under the archive's own keys. */
export function indexName(archive: Pick<ArchiveName, 'prefix' | 'host' | 'number'>): string {
  return `${archiveStem(archive)}.FILES.gpg`;
}

/** Detached signature of COMPLETE: `gpg --verify` finds what it signs by this name. */
export function signatureName(archive: Pick<ArchiveName, 'prefix' | 'host' | 'number'>): string {
  return `${manifestName(archive)}.sig`;
}

/** Inverse of `splitSuffix`; undefined where `suffix` is not of split's sequence. */
export function suffixIndex(suffix: string): number | undefined {
  const match = /^(z*)([a-y][a-z]*)$/.exec(suffix);
  if (match === null) return undefined;
  const [, prefix = '', letters = ''] = match;
  const width = prefix.length + 2;
  if (letters.length !== width) return undefined;
  let index = 0;
  for (let w = 2; w < width; w++) index += 25 * 26 ** (w - 1);
  let value = 0;
  for (const letter of letters) value = value * 26 + (letter.charCodeAt(0) - 97);
  return index + value;
}

/** Everything an archive's object names begin with, and no other archive's: `web.1.tar` begins no name of `web.10`. */
export function archiveStem(archive: Pick<ArchiveName, 'prefix' | 'host' | 'number'>): string {
  return `${archive.prefix}${archive.host}.${archive.number}.tar`;
}

/** What a name alone says, for archives of the older Python scripts, which wrote no file info. */
export interface ParsedName {
  readonly host: string;
  readonly number: number;
  /** What lies between `.tar` and `.gpg`: [], ['aa'], ['gz'], ['gz', 'aa'], ['COMPLETE']. */
  readonly tail: readonly string[];
  readonly encrypted: boolean;
}

/**
 * `PREFIX HOST.N.tar[.EXT][.SUFFIX][.gpg]` taken apart from the right, so that dots in the host do not matter.
 * @returns undefined for names that are not of this shape
 */
export function parseObjectName(name: string, prefix = ''): ParsedName | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const match = /^(.+)\.(\d+)\.tar((?:\.[A-Za-z0-9]+)*)$/s.exec(name.slice(prefix.length));
  if (match === null) return undefined;
  const [, host = '', digits = '', rest = ''] = match;
  const number = Number(digits);
  if (!Number.isSafeInteger(number)) return undefined;
  const tail = rest.split('.').slice(1);
  const encrypted = tail.at(-1) === 'gpg';
  if (encrypted) tail.pop();
  return tail.length > 2 ? undefined : { host, number, tail, encrypted };
}
