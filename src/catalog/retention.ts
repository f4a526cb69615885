/**
 * Which archives are deleted and which are kept, each with its reason. Pure: time is an argument.
 *
 * Only finished archives with our file info count as kept: a partial or unfinished one, or somebody's objects with similar names, never
 * take the place of a good one. Of the older scripts' archives only complete ones are deleted.
 */
import { datedAt, isUnderWay, type Archive } from './archive.js';

const DAY_MS = 86_400_000;

export type Period = 'daily' | 'weekly' | 'monthly' | 'yearly';
export const PERIODS: readonly Period[] = ['daily', 'weekly', 'monthly', 'yearly'];

export interface RetentionRules {
  /** Archives older than this many days are deleted unless another rule keeps them. undefined: only the keep rules decide. */
  readonly ageDays: number | undefined;
  /** How many of each host's newest finished archives are kept, whatever their age. */
  readonly keep: number;
  /** Keeps the newest finished archive of each of the last N days (weeks, …) that have one. In UTC; ISO weeks. */
  readonly periods: Readonly<Partial<Record<Period, number>>>;
}

export type Candidate = Pick<
  Archive,
  'host' | 'number' | 'state' | 'proof' | 'finishedAt' | 'lastActivityAt' | 'rerunning'
> & {
  /** Undefined if it is proven. Anybody who can write to the bucket can make an unproven archive. */
  readonly unproven?: Unproven | undefined;
};

/** Why nothing vouches for an archive. */
export interface Unproven {
  /** As in `web #12 is unproven: REASON`. */
  readonly reason: string;
  /** false: it may well be ours, but too many others were looked at in vain. */
  readonly looked: boolean;
}

export interface RetentionDecision<A extends Candidate = Candidate> {
  readonly archive: A;
  readonly action: 'keep' | 'delete';
  readonly reason: string;
}

/** @returns one decision per archive, in the order given */
export function decideRetention<A extends Candidate>(
  archives: readonly A[],
  rules: RetentionRules,
  now: number,
): RetentionDecision<A>[] {
  const decisions = new Map<A, RetentionDecision<A>>();
  for (const ofHost of byHost(archives).values()) {
    for (const decision of decideHost(ofHost, rules, now)) decisions.set(decision.archive, decision);
  }
  return archives.flatMap((archive) => decisions.get(archive) ?? []);
}

/** In the order given, hosts by their first. */
export function byHost<A extends { readonly host: string }>(archives: readonly A[]): Map<string, A[]> {
  const groups = new Map<string, A[]>();
  for (const archive of archives) {
    const group = groups.get(archive.host);
    if (group === undefined) groups.set(archive.host, [archive]);
    else group.push(archive);
  }
  return groups;
}

function decideHost<A extends Candidate>(
  archives: readonly A[],
  rules: RetentionRules,
  now: number,
): RetentionDecision<A>[] {
  const newestFirst = archives.toSorted((a, b) => datedAt(b) - datedAt(a) || b.number - a.number);
  const newestFinished = (proof: Candidate['proof']): readonly A[] =>
    newestFirst.filter(
      (archive) => archive.state === 'finished' && archive.proof === proof && archive.unproven === undefined,
    );
  // An archive known only by its names never takes the place of a proven one.
  const finished = [...newestFinished('file-info'), ...newestFinished('name')];
  const reasons = new Map<A, string[]>();
  const give = (archive: A, reason: string): void => {
    reasons.set(archive, [...(reasons.get(archive) ?? []), reason]);
  };
  finished.slice(0, rules.keep).forEach((archive) => {
    give(
      archive,
      rules.keep === 1
        ? 'newest finished archive of the host'
        : `one of the ${rules.keep} newest finished archives`,
    );
  });
  for (const period of PERIODS) {
    const wanted = rules.periods[period] ?? 0;
    const seen = new Set<string>();
    for (const archive of finished) {
      const label = periodOf(period, datedAt(archive));
      if (seen.has(label)) continue;
      if (seen.size >= wanted) break;
      seen.add(label);
      give(archive, `${period} ${label}`);
    }
  }
  // Until enough are proven, unproven ones may be all there is: archives of version 1.0, or a machine without keys and records.
  const wanted = Math.max(rules.keep, ...PERIODS.map((period) => rules.periods[period] ?? 0));
  const best = finished.length === 0 ? newestFirst.find(({ state }) => state === 'partial') : undefined;

  return newestFirst.map((archive): RetentionDecision<A> => {
    const keep = (reason: string): RetentionDecision<A> => ({ archive, action: 'keep', reason });
    const ageDays = (now - datedAt(archive)) / DAY_MS;
    const old = rules.ageDays === undefined || ageDays > rules.ageDays;
    const kept = reasons.get(archive);
    const never = neverByRule(archive);
    if (never !== undefined) return keep(never);
    if (archive.state === 'running') return keep('is being written');
    if (archive.rerunning) return keep('a new run of it is being written');
    if (kept !== undefined) return keep(kept.join(', '));
    if (!old) return keep(`${days(ageDays)} old, not over ${days(rules.ageDays)}`);
    if (archive.unproven?.looked === false) return keep(archive.unproven.reason);
    if (archive.unproven !== undefined && finished.length < wanted) {
      return keep(`unproven, and the host has only ${finished.length} proven: ${archive.unproven.reason}`);
    }
    if (archive === best) return keep('partial, but the host has no finished archive');
    if (rules.ageDays === undefined && isUnderWay(archive.state)) {
      return keep(`${archive.state}: an upload may still go on from it; 'cleanup' removes it`);
    }
    const what =
      archive.state !== 'finished'
        ? `${archive.state}, `
        : archive.unproven === undefined
          ? ''
          : 'unproven, ';
    const why =
      rules.ageDays === undefined ? 'no rule keeps it' : `${days(ageDays)} old, over ${days(rules.ageDays)}`;
    return { archive, action: 'delete', reason: what + why };
  });
}

/** Archives that no rule deletes, only --host and --number. */
function neverByRule({ state, proof }: Candidate): string | undefined {
  if (proof === 'manifest')
    return 'a copy that has lost its file info: only --legacy with --host and --number deletes it';
  if (proof === 'name' && state !== 'finished') return 'known by its names alone, and not whole';
  if (state === 'hidden') return "hidden by another tool: 'list --verbose' says how to bring it back";
  return undefined;
}

function days(count: number): string {
  const whole = Math.floor(count * 10) / 10;
  return `${whole} ${whole === 1 ? 'day' : 'days'}`;
}

/** The calendar day, ISO week, month or year (UTC) of a moment: 2026-06-15, 2026-W25, 2026-06, 2026. */
export function periodOf(period: Period, ms: number): string {
  const iso = new Date(ms).toISOString();
  switch (period) {
    case 'daily':
      return iso.slice(0, 10);
    case 'weekly':
      return isoWeek(ms);
    case 'monthly':
      return iso.slice(0, 7);
    case 'yearly':
      return iso.slice(0, 4);
  }
}

/** ISO 8601: a week belongs to the year that has its Thursday. */
function isoWeek(ms: number): string {
  const weekday = (new Date(ms).getUTCDay() + 6) % 7;
  const thursday = new Date(Math.floor(ms / DAY_MS) * DAY_MS + (3 - weekday) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS));
  return `${year}-W${String(week).padStart(2, '0')}`;
}

export interface Need {
  readonly host: string;
  readonly score: number;
}

/**
 * Hosts that need an archive, neediest first, as the older Python scripts scored them: most of all one whose latest archive did not
 * finish; else those with fewer than `target` finished archives, fewest first, then the longest without a new one.
 * Hosts with a running archive need none.
 */
export function neediest(archives: readonly Candidate[], target: number, now: number): Need[] {
  const needs: Need[] = [];
  for (const [host, ofHost] of byHost(archives)) {
    if (ofHost.some(({ state, rerunning }) => state === 'running' || rerunning)) continue;
    const newestFirst = ofHost.toSorted((a, b) => datedAt(b) - datedAt(a) || b.number - a.number);
    const finished = newestFirst.filter(
      ({ state, unproven }) => state === 'finished' && unproven === undefined,
    );
    const [newest] = newestFirst;
    let score = -finished.length;
    if (newest !== undefined && newest.state !== 'finished') score += 200;
    if (finished.length >= target) score -= 100;
    const last = Math.max(...finished.map(datedAt));
    if (Number.isFinite(last)) score += Math.log10(Math.max(1, (now - last) / 1000));
    if (score > 0) needs.push({ host, score });
  }
  return needs.sort((a, b) => b.score - a.score || (a.host < b.host ? -1 : 1));
}
