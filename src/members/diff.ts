/** What has changed between two archives, from their member indexes. Pure. */
import type { IndexMember } from './index-text.js';

export interface Change {
  /** `+` only in the newer, `-` only in the older, `M` other content, type or link target, `m` only other mode or owner. */
  readonly kind: '+' | '-' | 'M' | 'm';
  readonly path: Uint8Array;
}

/**
 * Reads both in step. A member that only one index has shown so far is kept until it appears in the other. Archives of one host have nearly
 * the same order, so that is little more than the changes themselves.
 * @returns by path
 */
export async function changesBetween(
  older: AsyncIterator<IndexMember, void>,
  newer: AsyncIterator<IndexMember, void>,
): Promise<Change[]> {
  const changes: Change[] = [];
  const waiting = { older: new Map<string, IndexMember>(), newer: new Map<string, IndexMember>() };
  const meet = (side: 'older' | 'newer', member: IndexMember): void => {
    const other = side === 'older' ? waiting.newer : waiting.older;
    const key = Buffer.from(member.path).toString('latin1');
    const twin = other.get(key);
    if (twin === undefined) {
      waiting[side].set(key, member);
      return;
    }
    other.delete(key);
    const kind = differenceOf(member, twin);
    if (kind !== undefined) changes.push({ kind, path: member.path });
  };
  const open = new Set<'older' | 'newer'>(['older', 'newer']);
  while (open.size > 0) {
    for (const side of open) {
      const next = await (side === 'older' ? older : newer).next();
      if (next.done === true) open.delete(side);
      else meet(side, next.value);
    }
  }
  for (const { path } of waiting.older.values()) changes.push({ kind: '-', path });
  for (const { path } of waiting.newer.values()) changes.push({ kind: '+', path });
  return changes.sort((a, b) => Buffer.compare(a.path, b.path));
}

/** A directory's time changes with its entries, which are reported themselves. */
function differenceOf(a: IndexMember, b: IndexMember): 'M' | 'm' | undefined {
  const isDirectory = a.mode.startsWith('d');
  const target = (member: IndexMember): string => Buffer.from(member.linkTarget ?? '').toString('latin1');
  const same =
    a.mode[0] === b.mode[0] &&
    target(a) === target(b) &&
    (isDirectory || (a.size === b.size && a.mtime === b.mtime));
  if (!same) return 'M';
  return a.mode === b.mode && a.owner === b.owner ? undefined : 'm';
}
