/**
 * What BackupPC_tarCreate says on standard error, as data. Pure.
 * Source: `bin/BackupPC_tarCreate` of BackupPC 4.4 (the summary that `-t` asks for, and every message before it).
 */

/** `Done: F files, B bytes, D dirs, S specials, E errors` */
export interface DoneLine {
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
  readonly specials: number;
  readonly errors: number;
}

const DONE = /^Done: (\d+) files, ([\d.e+]+) bytes, (\d+) dirs, (\d+) specials, (\d+) errors\s*$/;

export function parseDoneLine(line: string): DoneLine | undefined {
  const match = DONE.exec(line);
  if (match === null) return undefined;
  const [files = 0, bytes = 0, directories = 0, specials = 0, errors = 0] = match.slice(1).map(Number);
  return { files, bytes, directories, specials, errors };
}

/** Lines that explain nothing by themselves: they come after the reason. */
const NOISE =
  /^\s*$|^Done: |^\s*\(use -m option|^BackupPC::Lib->new failed|^Please su |^\s*-[a-zA-Z] |^usage: /i;
const TELLING =
  /\b(error|unable|can't|cannot|could not|fail(ed)?|bad|wrong|unknown|no such|denied|not found|killed|out of memory)\b/i;

/** Whether a line of a program's messages says that something went wrong. */
export function isComplaint(line: string): boolean {
  return !NOISE.test(line) && TELLING.test(line);
}

/** The line of a program's messages that best explains why it failed; undefined when there is none. */
export function usefulLine(lines: readonly string[]): string | undefined {
  const candidates = lines.filter((line) => !NOISE.test(line));
  const line =
    candidates.find((candidate) => TELLING.test(candidate)) ??
    candidates.at(-1) ??
    lines.findLast((any) => any.trim() !== '');
  const useful = line?.replace(/\s*\(use -m option[^)]*\)\s*$/, '').trim();
  return useful === '' ? undefined : useful;
}

/** What the operator can do about a message of tarCreate's. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /while BackupPC_dump is running|can't run BackupPC_tarCreate while/i,
    'a backup of this host is running: archive again when it has finished',
  ],
  [/Wrong user/i, 'run this as the user BackupPC runs as (usually backuppc)'],
  [
    /bad (backup|dump) number/i,
    'this backup does not exist or has expired: choose a number from the list of backups of the host',
  ],
  [/unknown host|bad host name/i, "check the host's name against BackupPC's list of hosts"],
  [/bad share or directory/i, 'the share is not in this backup: use * for all shares'],
  [
    /Unable to open file|padding|truncating/i,
    'files are missing from or damaged in the pool: run BackupPC_fsck, or archive another backup',
  ],
];

export function sourceHint(line: string): string | undefined {
  return HINTS.find(([pattern]) => pattern.test(line))?.[1];
}
