/** Two tars of one host, member by member: which are the same bytes, and what differs in the others. */
import { createHash, type Hash } from 'node:crypto';
import { BLOCK_BYTES, readHeader } from '../src/tar/header.js';
import type { TarMember } from '../src/tar/member.js';
import { paxRecords } from '../src/tar/pax.js';
import { TarReader } from '../src/tar/reader.js';

export interface MemberBytes {
  /** Octets as Latin-1. */
  readonly path: string;
  readonly member: TarMember;
  /** All header blocks. */
  readonly headers: Buffer;
  /** Of the data and its padding. */
  readonly digest: string;
}

export interface TarMembers {
  readonly bytes: number;
  readonly members: readonly MemberBytes[];
}

/** @throws where the tar is damaged or cut short */
export async function membersOf(tar: AsyncIterable<Buffer>): Promise<TarMembers> {
  const reader = new TarReader();
  const members: MemberBytes[] = [];
  const waiting: TarMember[] = [];
  let open: { readonly bytes: Omit<MemberBytes, 'digest'>; readonly hash: Hash; left: number } | undefined;
  let kept: Buffer = Buffer.alloc(0);
  for await (const slice of tar) {
    waiting.push(...reader.push(slice));
    kept = kept.length === 0 ? slice : Buffer.concat([kept, slice]);
    for (;;) {
      if (open === undefined) {
        const member = waiting.shift();
        if (member === undefined) break;
        const headers = Buffer.from(kept.subarray(0, member.headerBytes));
        kept = kept.subarray(member.headerBytes);
        const path = Buffer.from(member.path).toString('latin1');
        const left = member.end - member.offset - member.headerBytes;
        open = { bytes: { path, member, headers }, hash: createHash('sha1'), left };
      }
      const data = kept.subarray(0, open.left);
      open.hash.update(data);
      kept = kept.subarray(data.length);
      open.left -= data.length;
      if (open.left > 0) break;
      members.push({ ...open.bytes, digest: open.hash.digest('base64') });
      open = undefined;
    }
  }
  const { outcome } = reader;
  if (outcome.kind !== 'whole') throw new Error(outcome.reason);
  return { bytes: reader.bytes, members };
}

export interface Difference {
  readonly path: string;
  readonly what: string;
}

export interface Comparison {
  readonly common: number;
  readonly same: number;
  /** Whether the common members come in the same order. */
  readonly sameOrder: boolean;
  /** Of common members. */
  readonly differences: readonly Difference[];
  /** Data of members that are new, or have other data than before. */
  readonly changedBytes: number;
}

export function compareTars(before: TarMembers, after: TarMembers): Comparison {
  const earlier = new Map(before.members.map((one) => [one.path, one]));
  const later = new Set(after.members.map(({ path }) => path));
  const common = after.members.filter(({ path }) => earlier.has(path));
  const orderBefore = before.members.map(({ path }) => path).filter((path) => later.has(path));
  const differences = common.flatMap((one) => {
    const what = differenceOf(earlier.get(one.path) ?? one, one);
    return what === undefined ? [] : [{ path: one.path, what }];
  });
  const other = new Set(differences.flatMap(({ path, what }) => (what === 'data' ? [path] : [])));
  const changed = after.members.filter(({ path }) => !earlier.has(path) || other.has(path));
  return {
    common: common.length,
    same: common.length - differences.length,
    sameOrder: common.every(({ path }, at) => orderBefore[at] === path),
    differences,
    changedBytes: changed.reduce((sum, { member }) => sum + member.dataBytes, 0),
  };
}

/** @returns undefined for the same bytes */
function differenceOf(before: MemberBytes, after: MemberBytes): string | undefined {
  if (before.digest !== after.digest) return 'data';
  if (before.headers.equals(after.headers)) return undefined;
  const [a, b] = [before.member, after.member];
  if (a.type !== b.type) return 'type';
  if (!Buffer.from(a.linkTarget).equals(b.linkTarget)) return 'link target';
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return 'mode or owner';
  if (a.mtime !== b.mtime) return 'time';
  return sortedRecords(before.headers) === sortedRecords(after.headers)
    ? 'order of pax records'
    : 'extended attributes';
}

/** The pax records of a member, whatever their order. */
function sortedRecords(headers: Buffer): string {
  const records: string[] = [];
  for (let at = 0; at < headers.length;) {
    const header = readHeader(headers.subarray(at, at + BLOCK_BYTES));
    at += BLOCK_BYTES;
    if (header?.type !== 'x') continue;
    const size = header.size ?? 0;
    for (const [key, value] of paxRecords(headers.subarray(at, at + size)) ?? [])
      records.push(`${key}=${Buffer.from(value).toString('latin1')}`);
    at += Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return records.sort().join('\n');
}
