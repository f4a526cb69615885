/** What an archive that is already stored under the same host and number means for a new one. Pure. */
import type { Archive } from '../catalog/archive.js';
import { decodeMark, type SettingsMark } from '../journal/installation.js';

export interface AgainFacts {
  /** ID of this installation. */
  readonly maker: string;
  readonly mark: SettingsMark;
  /** The owner wants everything sent again, whatever is stored. */
  readonly again: boolean;
  /** When the backup ended, as BackupPC has it: ms since 1970 UTC; undefined where nobody knows. */
  readonly backupEndedAt: number | undefined;
}

export type StoredBefore =
  /** Go ahead. `supersedes`: runs of ours that are obsolete once the new archive is complete. */
  | { readonly kind: 'new'; readonly supersedes: readonly string[] }
  /** This archive is already stored, complete. `superseded`: runs of ours that it replaced. */
  | { readonly kind: 'same'; readonly archive: Archive; readonly superseded: readonly string[] }
  /** It is not ours to replace. */
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string };

/** Clocks differ: BackupPC's time is this machine's, the archive's is the store's. */
const CLOCK_SLACK_MS = 10 * 60_000;

export function storedBefore(archive: Archive | undefined, facts: AgainFacts): StoredBefore {
  if (archive === undefined) return { kind: 'new', supersedes: [] };
  const { host, number, state, manifest, maker } = archive;
  const title = `${host} #${number}`;
  const refused = (why: string): StoredBefore => ({
    kind: 'refused',
    message: `${title} is in the bucket already, ${why}`,
    hint: `give each server, and each share, a prefix of its own (prefix in the configuration); if that archive is of no use: backuppc-b2 delete --host ${host} --number ${number}`,
  });
  const theirs = maker !== facts.maker;
  if (theirs && (manifest !== undefined || (maker !== undefined && state === 'running')))
    return refused(
      manifest === undefined
        ? 'being written by another installation'
        : 'and this installation did not make it',
    );
  const ofOurs = archive.leftovers.flatMap(({ run, maker: its, alive }) =>
    run !== '' && run !== archive.run && its === facts.maker && !alive ? [run] : [],
  );
  const superseded = [...new Set(ofOurs)];
  if (theirs) return { kind: 'new', supersedes: superseded };
  // No manifest, and no journal here that could continue it: not an archive yet.
  if (manifest === undefined) return { kind: 'new', supersedes: [archive.run, ...superseded] };
  const mark = decodeMark(archive.settings);
  if (mark !== undefined && mark.share !== facts.mark.share) return refused('of another share');
  const { backupEndedAt } = facts;
  if (!facts.again && backupEndedAt !== undefined && archive.startedAt + CLOCK_SLACK_MS < backupEndedAt)
    return refused(
      `of an earlier backup of that number (archived ${new Date(archive.startedAt).toISOString().slice(0, 10)})`,
    );
  if (state === 'finished' && mark?.rest === facts.mark.rest && !facts.again)
    return { kind: 'same', archive, superseded };
  return { kind: 'new', supersedes: [archive.run, ...superseded] };
}
