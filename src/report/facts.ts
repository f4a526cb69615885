/** The report's content as data, from a listing and this machine's history of runs. Pure. */
import { datedAt, type ArchiveState } from '../catalog/archive.js';
import { byHost } from '../catalog/retention.js';
import type { HistoryRecord } from '../reporting/history.js';

/** One archive as the listing has it. Times are ms since 1970 UTC. */
export interface ListedArchive {
  readonly host: string;
  readonly number: number;
  readonly state: ArchiveState;
  readonly problems: readonly string[];
  readonly finishedAt: number | undefined;
  readonly lastActivityAt: number;
  readonly bytes: number;
}

export interface ReportRequest {
  readonly program: string;
  readonly buckets: readonly string[];
  readonly archives: readonly ListedArchive[];
  readonly history: readonly HistoryRecord[];
  readonly now: number;
  /** A host whose newest finished archive is older than this is late. */
  readonly wantedAgeDays: number;
  /** Length of the calendar. */
  readonly days: number;
  /** USD for a terabyte (10^12 bytes) and month. */
  readonly pricePerTb: number;
}

export interface DayOfHost {
  /** 2026-11-26, UTC. */
  readonly day: string;
  /** State of the best archive of that day; undefined: none. */
  readonly state: ArchiveState | undefined;
  readonly number: number | undefined;
}

export interface ReportedHost {
  readonly host: string;
  /** `late`: the newest finished archive is older than wanted. `never`: there is none. */
  readonly standing: 'well' | 'late' | 'never';
  readonly newestNumber: number | undefined;
  readonly newestAt: string | undefined;
  readonly ageDays: number | undefined;
  readonly archives: number;
  readonly bytes: number;
  /** Of finished archives, oldest first: for a line. */
  readonly sizes: readonly number[];
  readonly calendar: readonly DayOfHost[];
  readonly verified: { readonly at: string; readonly level: string; readonly problems: number } | undefined;
}

export interface ReportedRun {
  readonly host: string;
  readonly number: number;
  readonly state: 'finished' | 'partial' | 'failed';
  readonly at: string;
  readonly seconds: number;
  readonly tarBytes: number;
  readonly sentBytes: number;
  /** Copied inside B2. */
  readonly copiedBytes: number;
  readonly reason: string | undefined;
}

export interface ReportFacts {
  readonly program: string;
  readonly madeAt: string;
  readonly buckets: readonly string[];
  readonly wantedAgeDays: number;
  readonly hosts: readonly ReportedHost[];
  /** Newest first. */
  readonly runs: readonly ReportedRun[];
  /** Running total of the bytes of existing finished archives, by the day they were finished. */
  readonly stored: readonly { readonly day: string; readonly bytes: number }[];
  readonly bytes: number;
  readonly archives: number;
  readonly costPerMonth: number;
  /** Problems that need attention, one line each. */
  readonly odd: readonly string[];
}

const DAY_MS = 86_400_000;
const RUNS = 30;
const ODDITIES = 50;

export function reportFacts(request: ReportRequest): ReportFacts {
  const { archives, history, now } = request;
  const groups = byHost(archives.toSorted((a, b) => datedAt(a) - datedAt(b)));
  // A host of which only failures are known must not be missing.
  for (const { host } of history) if (!groups.has(host)) groups.set(host, []);
  const hosts = [...groups]
    .map(([host, ofHost]) => reportedHost(host, ofHost, request))
    .sort((a, b) => compare(a.host, b.host));
  const bytes = sum(archives.map((archive) => archive.bytes));
  return {
    program: request.program,
    madeAt: new Date(now).toISOString(),
    buckets: request.buckets,
    wantedAgeDays: request.wantedAgeDays,
    hosts,
    runs: runsOf(history),
    stored: storedOver(archives, dayOf(now)),
    bytes,
    archives: archives.length,
    costPerMonth: (bytes / 1e12) * request.pricePerTb,
    odd: oddities(hosts, archives, history),
  };
}

function reportedHost(
  host: string,
  archives: readonly ListedArchive[],
  { history, now, wantedAgeDays, days }: ReportRequest,
): ReportedHost {
  const finished = archives.filter(({ state }) => state === 'finished');
  const newest = finished.at(-1);
  const ageDays = newest && (now - datedAt(newest)) / DAY_MS;
  const check = history.findLast((record) => record.type === 'verify' && record.host === host);
  return {
    host,
    standing: ageDays === undefined ? 'never' : ageDays > wantedAgeDays ? 'late' : 'well',
    newestNumber: newest?.number,
    newestAt: newest && new Date(datedAt(newest)).toISOString(),
    ageDays,
    archives: archives.length,
    bytes: sum(archives.map((archive) => archive.bytes)),
    sizes: finished.map((archive) => archive.bytes),
    calendar: Array.from({ length: days }, (_, index): DayOfHost => {
      const day = dayOf(now - (days - 1 - index) * DAY_MS);
      const ofDay = archives.filter((archive) => dayOf(datedAt(archive)) === day);
      const best = ofDay.toSorted((a, b) => rank(a.state) - rank(b.state)).at(0);
      return { day, state: best?.state, number: best?.number };
    }),
    verified:
      check?.type === 'verify'
        ? { at: check.at, level: check.level, problems: check.problems.length }
        : undefined,
  };
}

function runsOf(history: readonly HistoryRecord[]): ReportedRun[] {
  return history
    .flatMap((record) => (record.type === 'archive' ? [record] : []))
    .slice(-RUNS)
    .reverse()
    .map((record) => ({
      host: record.host,
      number: record.number,
      state: record.state,
      at: record.finishedAt,
      seconds: record.seconds,
      tarBytes: record.tarBytes,
      sentBytes: record.sentBytes,
      copiedBytes: copiedBytes(record),
      reason: record.reasons[0],
    }));
}

/** Records of versions that could not copy lack this field. */
function copiedBytes(record: object): number {
  const copied = 'copiedBytes' in record ? record.copiedBytes : 0;
  return typeof copied === 'number' ? copied : 0;
}

function storedOver(archives: readonly ListedArchive[], today: string): { day: string; bytes: number }[] {
  const days = new Map<string, number>();
  for (const archive of archives.toSorted((a, b) => datedAt(a) - datedAt(b))) {
    const day = dayOf(datedAt(archive));
    days.set(day, (days.get(day) ?? 0) + archive.bytes);
  }
  if (days.size > 0 && !days.has(today)) days.set(today, 0);
  let total = 0;
  return [...days].map(([day, bytes]) => ({ day, bytes: (total += bytes) }));
}

function oddities(
  hosts: readonly ReportedHost[],
  archives: readonly ListedArchive[],
  history: readonly HistoryRecord[],
): string[] {
  const late = hosts.flatMap(({ host, standing, ageDays }) => {
    if (standing === 'never') return [`${host}: no finished archive`];
    return standing === 'late'
      ? [`${host}: the newest finished archive is ${wholeDays(ageDays ?? 0)} old`]
      : [];
  });
  const unsound = archives
    .filter(({ state }) => state !== 'finished' && state !== 'running')
    .map(({ host, number, state, problems }) =>
      [`${host} #${number}: ${state}`, ...problems.slice(0, 1)].join(', '),
    );
  const lastRuns = new Map<string, HistoryRecord>();
  for (const record of history) if (record.type === 'archive') lastRuns.set(record.host, record);
  const failed = [...lastRuns.values()].flatMap((record) =>
    record.type === 'archive' && record.state === 'failed'
      ? [
          `${record.host} #${record.number}: the last run failed: ${record.reasons[0] ?? 'no reason on record'}`,
        ]
      : [],
  );
  const unverified = hosts.flatMap(({ host, verified }) =>
    verified !== undefined && verified.problems > 0 ? [`${host}: the last verification found problems`] : [],
  );
  const all = [...late, ...failed, ...unsound, ...unverified];
  return all.length <= ODDITIES ? all : [...all.slice(0, ODDITIES), `and ${all.length - ODDITIES} more`];
}

export function wholeDays(days: number): string {
  const whole = Math.floor(days);
  return `${whole} ${whole === 1 ? 'day' : 'days'}`;
}

function rank(state: ArchiveState): number {
  return { finished: 0, partial: 1, running: 2, hidden: 3, damaged: 4, stopped: 5, unfinished: 6 }[state];
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
