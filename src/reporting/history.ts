/**
 * The history of runs, one line of JSON each, in `backuppc-b2-history.jsonl` of the state directory: for the report, which cannot learn from B2
 * how fast an archive was or when it was verified. Nothing else depends on it; unreadable lines are skipped.
 */
import { join } from 'node:path';
import { replaceFile } from '../replace-file.js';
import { openForAppend, readOwnFile, readPlainFile } from '../own-files.js';
import type { RunSummary } from './summary.js';

export interface VerifyRecord {
  readonly type: 'verify';
  readonly host: string;
  readonly number: number;
  readonly level: string;
  /** ISO 8601. */
  readonly at: string;
  readonly problems: readonly string[];
}

export type HistoryRecord = ({ readonly type: 'archive' } & RunSummary) | VerifyRecord;

export const HISTORY = 'backuppc-b2-history.jsonl';
/** Some years of nightly archives of ten hosts. Beyond that the older half is dropped. */
const MOST_BYTES = 4_000_000;

export async function remember(directory: string, record: HistoryRecord): Promise<void> {
  const path = join(directory, HISTORY);
  const file = await openForAppend(path, 'create');
  try {
    await file.appendFile(`${JSON.stringify(record)}\n`);
    if ((await file.stat()).size <= MOST_BYTES) return;
  } finally {
    await file.close();
  }
  const text = String(await readOwnFile(path));
  await replaceFile(path, text.slice(text.indexOf('\n', text.length / 2) + 1), { mode: 0o600 });
}

/** Oldest first; empty where there is none. */
export async function readHistory(directory: string): Promise<HistoryRecord[]> {
  // With some margin, but limited: root also reads other users' files, which may hold anything.
  const bytes = await readPlainFile(join(directory, HISTORY), 1.5 * MOST_BYTES);
  return parseHistory(bytes?.toString('utf8') ?? '');
}

/** When a record was made: the order of records from several directories. */
export function byTime(a: HistoryRecord, b: HistoryRecord): number {
  return timeOf(a) - timeOf(b);
}

function timeOf(record: HistoryRecord): number {
  return Date.parse(record.type === 'verify' ? record.at : record.finishedAt);
}

/** Pure. */
export function parseHistory(text: string): HistoryRecord[] {
  return text.split('\n').flatMap((line) => {
    try {
      const record: unknown = JSON.parse(line);
      return isRecord(record) ? [record] : [];
    } catch {
      return [];
    }
  });
}

/** Checks the fields that every reader needs. */
function isRecord(value: unknown): value is HistoryRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<string, unknown>>;
  const { type, host, number } = record;
  if (typeof host !== 'string' || typeof number !== 'number') return false;
  if (type === 'verify')
    return isTime(record['at']) && typeof record['level'] === 'string' && Array.isArray(record['problems']);
  return (
    type === 'archive' &&
    typeof record['state'] === 'string' &&
    isTime(record['finishedAt']) &&
    Array.isArray(record['reasons']) &&
    [record['seconds'], record['sentBytes'], record['tarBytes']].every(Number.isFinite)
  );
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && Number.isFinite(Date.parse(value));
}
