/** BackupPC's own records, tab-separated, a line each. */
import { existsSync, readFileSync } from 'node:fs';

/** A line of pc/HOST/backups. */
export interface BackupRecord {
  readonly number: number;
  readonly type: string;
  readonly files: number;
  readonly errors: number;
}

/** A line of pc/HOST/archives: what BackupPC's pages show. */
export interface ArchiveRecord {
  readonly number: number;
  readonly result: string;
  readonly errorMessage: string;
}

export function readBackups(path: string): BackupRecord[] {
  return records(path).map((fields) => ({
    number: Number(fields[0]),
    type: fields[1] ?? '',
    files: Number(fields[4]),
    errors: Number(fields[10]),
  }));
}

export function readArchives(path: string): ArchiveRecord[] {
  return records(path).map((fields) => ({
    number: Number(fields[0]),
    result: fields[3] ?? '',
    errorMessage: unescaped(fields[4] ?? ''),
  }));
}

function records(path: string): string[][] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

/** BackupPC writes %, tab and line ends of a field as %XX. */
function unescaped(field: string): string {
  return field.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
