/**
 * Names in the bucket: PREFIX HOST.N.tar EXT [.aa] .gpg, what BackupPC's own archive would have called the file, then `.gpg`.
 */

/** File info keys of every object of an archive (lower case, as B2 returns them). */
export const INFO = {
  format: 'bb2-format',
  host: 'bb2-host',
  number: 'bb2-number',
  run: 'bb2-run',
  volume: 'bb2-volume',
  codec: 'bb2-codec',
  profile: 'bb2-profile',
  /** Of the manifest only: 'finished' or 'partial'. */
  state: 'bb2-state',
  /** Of the manifest only: sealed bytes of all volumes, number of volumes, so that a listing need not download it. */
  bytes: 'bb2-bytes',
  volumes: 'bb2-volumes',
} as const;

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

export function manifestName(archive: Pick<ArchiveName, 'prefix' | 'host' | 'number'>): string {
  return `${archive.prefix}${archive.host}.${archive.number}.tar.COMPLETE`;
}
