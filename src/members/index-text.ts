/**
 * The member index as text: one line per member in the order of the tar, fields divided by tabs. docs/format.md has it in words. Pure.
 *
 *     #backuppc-b2 members 1
 *     @  TAR-OFFSET  VOLUME  STREAM-OFFSET
 *     -rw-r--r--  root/root  SIZE  TIME  VOLUME  OFFSET  BYTES  PATH  [LINK-TARGET]
 *     !  TAR-OFFSET  REASON
 *     $  MEMBERS  TAR-BYTES
 */
import type { TarMember } from '../tar/member.js';
import { escapeOctets, unescapeOctets } from './escape.js';

export const INDEX_HEAD = '#backuppc-b2 members 1';

/** Where reading the stored stream can start: decompressed from there, it is the tar from `tarOffset` on. */
export interface RestartPoint {
  readonly tarOffset: number;
  /** 0-based volume if each volume is a stream of its own; undefined if one stream runs through all. */
  readonly volume: number | undefined;
  /** Into the decrypted bytes of that volume, or of all volumes joined. */
  readonly streamOffset: number;
}

/** A member in the index. */
export interface IndexMember {
  /** As `tar -tv` begins its lines: `-`, `d`, `l`, `h` (hard link), `c`, `b`, `p`, `V`, `M`, `C`, then the permissions. */
  readonly mode: string;
  /** `USER/GROUP`, names where the tar has them, escaped. */
  readonly owner: string;
  /** Bytes once restored; of a device its numbers, `8,1`. */
  readonly size: number | string;
  /** Seconds since 1970 UTC. */
  readonly mtime: number;
  /** The volume with its first header block; undefined if the layout does not tell. */
  readonly volume: number | undefined;
  /** Offset of its first header block in the tar bytes of that volume, or else in the whole tar. */
  readonly offset: number;
  /** Bytes from there to the next member. */
  readonly bytes: number;
  readonly path: Uint8Array;
  readonly linkTarget: Uint8Array | undefined;
}

export type IndexLine =
  | ({ readonly kind: 'member' } & IndexMember)
  | ({ readonly kind: 'point' } & RestartPoint)
  /** No member is known from here on. */
  | { readonly kind: 'damage'; readonly tarOffset: number; readonly reason: string }
  /** The last line: an index without it is incomplete. */
  | { readonly kind: 'end'; readonly members: number; readonly tarBytes: number }
  | { readonly kind: 'comment' };

const LETTERS: Readonly<Record<string, string | undefined>> = {
  '0': '-',
  S: '-',
  '1': 'h',
  '2': 'l',
  '3': 'c',
  '4': 'b',
  '5': 'd',
  D: 'd',
  '6': 'p',
  '7': 'C',
  V: 'V',
  M: 'M',
};

const SLASH = 0x2f;
const MOST_SECONDS = 8_640_000_000_000;

/** A member as the index keeps it. @param from tar offset of the volume that it begins in */
export function indexMember(member: TarMember, volume: number | undefined, from: number): IndexMember {
  const letter = LETTERS[member.type] ?? '-';
  const { path, linkTarget } = member;
  return {
    mode: letter + permissions(member.mode),
    owner: `${nameOr(member.userName, member.uid)}/${nameOr(member.groupName, member.gid)}`,
    size: member.device === undefined ? member.size : member.device.join(','),
    mtime: Math.floor(member.mtime),
    volume,
    offset: member.offset - from,
    bytes: member.end - member.offset,
    // As tar prints directories.
    path: letter === 'd' && path.at(-1) !== SLASH ? Buffer.concat([path, Uint8Array.of(SLASH)]) : path,
    linkTarget: linkTarget.length === 0 ? undefined : linkTarget,
  };
}

export function memberLine(member: IndexMember): string {
  const { mode, owner, size, mtime, volume, offset, bytes, path, linkTarget } = member;
  const fields = [mode, owner, size, timeText(mtime), volume ?? '-', offset, bytes, escapeOctets(path)];
  if (linkTarget !== undefined) fields.push(escapeOctets(linkTarget));
  return `${fields.join('\t')}\n`;
}

export function pointLine({ tarOffset, volume, streamOffset }: RestartPoint): string {
  return `@\t${tarOffset}\t${volume ?? '-'}\t${streamOffset}\n`;
}

export function damageLine(tarOffset: number, reason: string): string {
  return `!\t${tarOffset}\t${escapeOctets(Buffer.from(reason))}\n`;
}

export function endLine(members: number, tarBytes: number): string {
  return `$\t${members}\t${tarBytes}\n`;
}

/** @param line without its newline @returns undefined for what is no line of an index */
export function parseIndexLine(line: string): IndexLine | undefined {
  const fields = line.split('\t');
  const [first = '', second = '', third = '', fourth = ''] = fields;
  if (first.startsWith('#')) return { kind: 'comment' };
  if (first === '@') {
    const point = { tarOffset: count(second), volume: countOrNone(third), streamOffset: count(fourth) };
    const { tarOffset, volume, streamOffset } = point;
    if (fields.length !== 4 || tarOffset === undefined || volume === null || streamOffset === undefined)
      return undefined;
    return { kind: 'point', tarOffset, volume, streamOffset };
  }
  if (first === '!') {
    const tarOffset = count(second);
    return tarOffset === undefined ? undefined : { kind: 'damage', tarOffset, reason: third };
  }
  if (first === '$') {
    const members = count(second);
    const tarBytes = count(third);
    return members === undefined || tarBytes === undefined ? undefined : { kind: 'end', members, tarBytes };
  }
  return parseMember(fields);
}

function parseMember(fields: readonly string[]): IndexLine | undefined {
  const [mode = '', owner = '', sizeText = '', time = '', volumeText = '', ...rest] = fields;
  const [offsetText = '', bytesText = '', path, target] = rest;
  const size = /^\d+,\d+$/.test(sizeText) ? sizeText : count(sizeText);
  const mtime = Date.parse(time) / 1000;
  const volume = countOrNone(volumeText);
  const offset = count(offsetText);
  const bytes = count(bytesText);
  const bad = size === undefined || Number.isNaN(mtime) || volume === null || offset === undefined;
  if (bad || bytes === undefined || path === undefined || fields.length > 9) return undefined;
  if (!/^[-dlhcbpVMC][-rwxsStT]{9}$/.test(mode)) return undefined;
  return {
    kind: 'member',
    mode,
    owner,
    size,
    mtime,
    volume,
    offset,
    bytes,
    path: unescapeOctets(path),
    linkTarget: target === undefined ? undefined : unescapeOctets(target),
  };
}

function count(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

/** null for what is neither. */
function countOrNone(text: string): number | undefined | null {
  return text === '-' ? undefined : (count(text) ?? null);
}

/** `2026-06-15T01:00:00Z`; with a sign and six digits of the year beyond the four-digit ones. */
export function timeText(seconds: number): string {
  const within = Math.max(-MOST_SECONDS, Math.min(MOST_SECONDS, seconds));
  return new Date(within * 1000).toISOString().replace('.000Z', 'Z');
}

function nameOr(name: Uint8Array, id: number): string {
  return name.length === 0 ? String(id) : escapeOctets(name).replaceAll('/', '\\057');
}

/** As `ls -l` and `tar -tv` have them. */
function permissions(mode: number): string {
  const bit = (mask: number, letter: string): string => ((mode & mask) === 0 ? '-' : letter);
  const execute = (mask: number, special: number, letter: string): string => {
    const executable = (mode & mask) !== 0;
    if ((mode & special) === 0) return executable ? 'x' : '-';
    return executable ? letter : letter.toUpperCase();
  };
  return (
    bit(0o400, 'r') +
    bit(0o200, 'w') +
    execute(0o100, 0o4000, 's') +
    bit(0o040, 'r') +
    bit(0o020, 'w') +
    execute(0o010, 0o2000, 's') +
    bit(0o004, 'r') +
    bit(0o002, 'w') +
    execute(0o001, 0o1000, 't')
  );
}
