/** What BackupPC's own files say about a backup and about how long an archive may take. Text in, facts out. Pure. */

/** A line of `pc/HOST/backups`. */
export interface BackupRecord {
  readonly number: number;
  /** `full`, `incr`, `active`, `partial` … */
  readonly type: string;
  /** Files of the backup, as the transfer counted them: within a few of what tarCreate counts. */
  readonly files: number;
  /** Bytes of those files. */
  readonly bytes: number;
  /** When it ended: ms since 1970 UTC on BackupPC's clock; undefined while it is active. */
  readonly endedAt: number | undefined;
}

/** @param text of `pc/HOST/backups`: tab-separated, one backup a line (`BackupPC::Storage::Text`) */
export function parseBackups(text: string): BackupRecord[] {
  return text.split('\n').flatMap((line) => {
    const [number, type, , endTime, files, bytes] = line.split('\t');
    const counts = [number, files, bytes].map((field) =>
      /^\d+$/.test(field ?? '') ? Number(field) : Number.NaN,
    );
    const [parsedNumber = NaN, parsedFiles = NaN, parsedBytes = NaN] = counts;
    if (type === undefined || !counts.every(Number.isSafeInteger)) return [];
    const seconds = Number(endTime === '' ? Number.NaN : endTime);
    const endedAt = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
    return [{ number: parsedNumber, type, files: parsedFiles, bytes: parsedBytes, endedAt }];
  });
}

/** Why a backup of this type is incomplete; undefined if it is complete. */
export function incompleteBecause({ type, number }: BackupRecord): string | undefined {
  return type === 'partial' ? `BackupPC's backup ${number} is of type partial: it was broken off` : undefined;
}

/**
 * The last value that a `config.pl` or `HOST.pl` assigns: `$Conf{NAME} = …;`, a string or a whole number, also as a product (`20 * 3600`).
 * @returns undefined when there is none, or when it takes Perl to know it
 */
export function confValue(text: string, name: string): string | undefined {
  const assignment = new RegExp(`^[ \\t]*\\$Conf\\{\\s*['"]?${name}['"]?\\s*\\}\\s*=\\s*([^;]*);`, 'gm');
  const value = [...text.matchAll(assignment)].at(-1)?.[1]?.trim();
  if (value === undefined) return undefined;
  const quoted = /^(['"])([^'"$@\\]*)\1$/.exec(value)?.[2];
  if (quoted !== undefined) return quoted;
  const factors = value.split('*').map((factor) => factor.trim().replace(/_/g, ''));
  if (!factors.every((factor) => /^\d+(\.\d+)?$/.test(factor))) return undefined;
  return String(factors.reduce((product, factor) => product * Number(factor), 1));
}

/** Seconds; 0 and less mean that there is no limit. */
export function clientTimeoutSeconds(configText: string, hostText: string): number | undefined {
  const value = confValue(hostText, 'ClientTimeout') ?? confValue(configText, 'ClientTimeout');
  const seconds = value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(seconds) ? seconds : undefined;
}

/**
 * The archive host on whose behalf BackupPC runs us: its configuration has the ClientTimeout that counts.
 * @param commandLine of our parent, from /proc/PID/cmdline: `perl BackupPC_archive USER ARCHIVEHOST REQUESTFILE`
 */
export function archiveHostOf(commandLine: readonly string[]): string | undefined {
  const program = commandLine.findIndex((word) => /(^|\/)BackupPC_archive$/.test(word));
  return program === -1 ? undefined : commandLine[program + 2];
}

export interface TimeFacts {
  /** Of the backup. */
  readonly bytes: number;
  /** Measured or limited. */
  readonly bytesPerSecond: number;
  /** For the whole request, all hosts. */
  readonly clientTimeoutSeconds: number;
}

/** Beyond this share of the allowed time an archive is at risk: rates vary, and other hosts may be in the same request. */
const COMFORTABLE_SHARE = 0.8;

const hours = (seconds: number): string =>
  seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

/** What to set if the archive will not end within BackupPC's ClientTimeout; undefined if it will. */
export function timeAdvice({
  bytes,
  bytesPerSecond,
  clientTimeoutSeconds: allowed,
}: TimeFacts): string | undefined {
  if (allowed <= 0 || bytesPerSecond <= 0) return undefined;
  const needed = bytes / bytesPerSecond;
  if (needed <= allowed * COMFORTABLE_SHARE) return undefined;
  const wanted = Math.ceil((needed * 2) / 3600) * 3600;
  const verdict = needed > allowed ? 'BackupPC will end it before' : 'BackupPC may end it before';
  return `this archive takes about ${hours(needed)} at this rate; ${verdict}, since $Conf{ClientTimeout} is ${hours(allowed)}: set it to ${wanted} in the configuration of the archive host`;
}
