/** Why volumes were sent although an earlier archive of the host was there. Pure. */
import type { Comparison, TarMembers } from './tar-members.js';

/** The most telling first. */
const REASONS = [
  'data of files',
  'new files',
  'only headers of changed files',
  'only times of directories',
  'only what BackupPC tells otherwise',
  'the same members, cut otherwise',
] as const;
type Reason = (typeof REASONS)[number];

export interface SentVolumes {
  /** Of each member of the tar, in order: the volume that it begins in. */
  readonly volumeOf: readonly number[];
  readonly sent: ReadonlySet<number>;
}

/**
 * @param changed members whose files changed; directories without a slash behind them
 * @returns how many volumes were sent for each reason
 */
export function whySent(
  before: TarMembers,
  after: TarMembers,
  { differences }: Comparison,
  changed: ReadonlySet<string>,
  { volumeOf, sent }: SentVolumes,
): Readonly<Record<Reason, number>> {
  if (volumeOf.length !== after.members.length) throw new Error('the member index is not that of the tar');
  const earlier = new Set(before.members.map(({ path }) => path));
  const differing = new Map(differences.map(({ path, what }) => [path, what]));
  const found = new Map<number, Set<Reason>>();
  for (const [at, { path, member }] of after.members.entries()) {
    const what = differing.get(path);
    if (earlier.has(path) && what === undefined) continue;
    const reason = !earlier.has(path)
      ? 'new files'
      : what === 'data'
        ? 'data of files'
        : !changed.has(path.replace(/\/$/, ''))
          ? 'only what BackupPC tells otherwise'
          : member.type === '5'
            ? 'only times of directories'
            : 'only headers of changed files';
    const first = volumeOf[at] ?? NaN;
    // A long member has volumes of its own, up to that of the next one.
    const behind = Math.max(first + 1, volumeOf[at + 1] ?? 0);
    for (let volume = first; volume < behind; volume++)
      found.set(volume, (found.get(volume) ?? new Set<Reason>()).add(reason));
  }
  const counts = Object.fromEntries(REASONS.map((reason) => [reason, 0])) as Record<Reason, number>;
  for (const volume of sent) {
    const reasons = found.get(volume);
    counts[REASONS.find((reason) => reasons?.has(reason)) ?? 'the same members, cut otherwise'] += 1;
  }
  return counts;
}
