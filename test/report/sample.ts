/** A made-up account: hosts in every state, two months of nights. */
import type { ListedArchive, ReportRequest } from '../../src/report/facts.js';
import type { HistoryRecord } from '../../src/reporting/history.js';

export const NOW = Date.parse('2026-11-26T06:00:00Z');
const DAY = 86_400_000;

export function archive(
  host: string,
  number: number,
  ageDays: number,
  over: Partial<ListedArchive> = {},
): ListedArchive {
  const at = NOW - ageDays * DAY;
  return {
    host,
    number,
    state: 'finished',
    problems: [],
    finishedAt: at,
    lastActivityAt: at,
    bytes: 1e9,
    ...over,
  };
}

export function run(
  host: string,
  number: number,
  ageDays: number,
  over: Partial<Extract<HistoryRecord, { type: 'archive' }>> = {},
): HistoryRecord {
  return {
    type: 'archive',
    program: 'backuppc-b2 test',
    host,
    number,
    state: 'finished',
    reasons: [],
    exitStatus: 0,
    startedAt: new Date(NOW - ageDays * DAY - 3_600_000).toISOString(),
    finishedAt: new Date(NOW - ageDays * DAY).toISOString(),
    seconds: 3600,
    tarBytes: 5e9,
    storedBytes: 1e9,
    copiedBytes: 0,
    sentBytes: 2e8,
    volumes: 3,
    retries: 0,
    loopDelay: { p99Ms: 1, maxMs: 2 },
    bucket: 'bucket',
    manifest: null,
    ...over,
  };
}

export function request(over: Partial<ReportRequest> = {}): ReportRequest {
  return {
    program: 'backuppc-b2 test',
    buckets: ['bucket'],
    archives: [],
    history: [],
    now: NOW,
    wantedAgeDays: 8,
    days: 30,
    pricePerTb: 6,
    ...over,
  };
}

/** Hosts with weekly archives, some of them late, partial or without any, and the runs of a day. */
export function account(hosts: number): ReportRequest {
  const names = Array.from(
    { length: hosts },
    (_, index) => `host-${String(index).padStart(3, '0')}.example.org`,
  );
  const archives = names.flatMap((host, index) =>
    Array.from({ length: index % 7 === 6 && index < 30 ? 0 : 8 }, (_, n) =>
      archive(host, n, 50 - n * 7 + (index % 5 === 4 ? 12 : 0), {
        bytes: 1e9 * (1 + index) + n * 1e8,
        ...(index % 3 === 2 && n === 5
          ? { state: 'partial', problems: ['files were missing from the tar'] }
          : {}),
      }),
    ),
  );
  const history = names.slice(0, 30).flatMap((host, index): HistoryRecord[] => [
    run(host, 7, index / 30, {
      sentBytes: 1e8 * (1 + (index % 9)),
      ...(index % 10 === 9
        ? { state: 'failed', reasons: ['tarCreate exited with status 1: bad backup number 7'] }
        : {}),
    }),
    {
      type: 'verify',
      host,
      number: 7,
      level: 'deep',
      at: new Date(NOW - DAY).toISOString(),
      problems: index === 3 ? ['one part is damaged'] : [],
    },
  ]);
  return request({ archives, history });
}
