/**
 * Whether the source delivered the whole backup. Pure.
 *
 * Exit status 0 of tarCreate does not mean complete: it leaves out unreadable files, pads short ones and writes an empty tar for a backup
 * whose directory is gone, and exits 0 all the same. So everything it reports is considered.
 */
import { usefulLine, sourceHint, type DoneLine } from './done-line.js';
import type { TarEnd } from './tar-end.js';

/** How a source ended. */
export interface SourceEnd {
  /** tarCreate reports what it counted; a command reports only its exit status; standard input reports nothing. */
  readonly kind: 'tar-create' | 'command' | 'stdin';
  /** What to call it in a sentence: `tarCreate`, `pg_dump`, `standard input`. */
  readonly name: string;
  /** Exit status, or null when a signal ended it or there was no process. */
  readonly status: number | null;
  readonly signal: string | null;
  /** Lines of standard error: the first and the last ones, in order. */
  readonly messages: readonly string[];
  readonly done: DoneLine | undefined;
}

/** The backup's own record (`pc/HOST/backups`), where it could be read. */
export interface ExpectedContent {
  /** Hard links and specials among them; undefined where only some of the shares are archived. */
  readonly files: number | undefined;
  /** Why BackupPC itself holds the backup for incomplete. */
  readonly incomplete?: string | undefined;
}

export type SourceVerdict =
  | { readonly state: 'complete'; readonly warnings: readonly string[] }
  /** Something is in the archive, but not everything. Each reason is one line, the most telling one first. */
  | {
      readonly state: 'partial';
      readonly reasons: readonly [string, ...string[]];
      readonly hint: string | undefined;
      readonly warnings: readonly string[];
    }
  /** Nothing worth keeping came. */
  | { readonly state: 'failed'; readonly reason: string; readonly hint: string | undefined };

/** BackupPC's count and tarCreate's may differ by a few files: only a clear gap is worth a warning. */
const PLAUSIBLE_SHARE = 0.9;

function howItExited({ name, status, signal }: SourceEnd, said: string | undefined): string | undefined {
  const because = said === undefined ? '' : `: ${said}`;
  if (signal !== null) return `${name} was killed by ${signal}${because}`;
  if (status !== null && status !== 0) return `${name} exited with status ${status}${because}`;
  return undefined;
}

export function judgeSource(end: SourceEnd, tar: TarEnd, expected?: ExpectedContent): SourceVerdict {
  const { name, done } = end;
  const said =
    end.kind === 'tar-create'
      ? usefulLine(end.messages)
      : end.messages.findLast((line) => line.trim() !== '')?.trim();
  const hint = said === undefined || end.kind !== 'tar-create' ? undefined : sourceHint(said);
  const exited = howItExited(end, said);

  if (tar.bytes === 0)
    return {
      state: 'failed',
      reason: exited ?? `${name} wrote nothing${said === undefined ? '' : `: ${said}`}`,
      hint,
    };
  if (end.kind !== 'tar-create')
    return exited === undefined ? { state: 'complete', warnings: [] } : partial([exited], undefined, []);
  if (tar.empty) {
    const lost = 'the backup may have been deleted, or its directory lost';
    return {
      state: 'failed',
      reason: exited ?? `${name} wrote an empty tar${done === undefined ? '' : `: ${done.files} files`}`,
      hint: hint ?? lost,
    };
  }

  const reasons: string[] = [];
  const warnings: string[] = [];
  if (expected?.incomplete !== undefined) reasons.push(expected.incomplete);
  const errors = done?.errors ?? 0;
  if (exited !== undefined) reasons.push(exited);
  if (errors > 0) {
    const first = said !== undefined && exited === undefined ? `: ${said}` : '';
    reasons.push(`${name} counted ${errors} ${errors === 1 ? 'error' : 'errors'}${first}`);
  }
  if (tar.problem !== undefined) reasons.push(tar.problem);
  if (done === undefined) {
    reasons.push(
      `${name} did not print its "Done:" line${said !== undefined && exited === undefined ? ` (last message: ${said})` : ''}`,
    );
  }

  if (done !== undefined) {
    const gap = gapOf(name, done, tar.hardLinks ?? 0, expected?.files);
    if (gap?.lost === true) reasons.push(gap.text);
    else if (gap !== undefined) warnings.push(gap.text);
  }
  const [reason, ...more] = reasons;
  return reason === undefined ? { state: 'complete', warnings } : partial([reason, ...more], hint, warnings);
}

/**
 * What tarCreate counted beside what BackupPC recorded. No file at all is a backup of links or of empty directories, or one whose files
 * are lost (a deleted base leaves the directory of the share and exit status 0).
 */
function gapOf(
  name: string,
  { files, specials, directories }: DoneLine,
  hardLinks: number,
  recorded: number | undefined,
): { readonly lost: boolean; readonly text: string } | undefined {
  const counted = files + specials + hardLinks;
  if (recorded !== undefined) {
    if (counted >= recorded * PLAUSIBLE_SHARE) return undefined;
    const found = `${files} files, ${specials} specials and ${hardLinks} hard links`;
    const lost = files === 0;
    return {
      lost,
      text: `${name} counted ${lost ? '0 files' : found} where BackupPC recorded ${recorded} files for this backup`,
    };
  }
  if (counted === 0 && directories <= 1) return { lost: true, text: `${name} counted 0 files` };
  if (counted === 0)
    return { lost: false, text: `${name} counted no files, only ${directories} directories` };
  return undefined;
}

function partial(
  reasons: readonly [string, ...string[]],
  hint: string | undefined,
  warnings: readonly string[],
): SourceVerdict {
  return { state: 'partial', reasons, hint, warnings };
}
