/** How far a command is with work whose size is known or not, and its text. Pure. */
import { formatBytes } from '../config/values.js';
import { formatDuration, formatThroughput, timeLeftMs } from './progress.js';

/** Only what is done counts, not what is under way. */
export interface Work {
  /** What it is done to, as `web #12`; printable. */
  title: string;
  readonly unit: 'bytes' | 'objects' | 'archives';
  done: number;
  /** undefined: unknown. */
  readonly total: number | undefined;
  /** Of `done`, by an earlier run. */
  readonly earlier: number;
}

export interface WorkSnapshot extends Readonly<Work> {
  /** Since this run began, ms. */
  readonly elapsedMs: number;
  /** Units per second, lately. */
  readonly rate: number;
}

export function newWork(
  facts: Pick<Work, 'title' | 'unit' | 'total'> & Partial<Pick<Work, 'earlier'>>,
): Work {
  const { earlier = 0 } = facts;
  return { ...facts, earlier, done: earlier };
}

/** From 0 to 1; undefined where the size is not known. */
export function shareOf({ done, total }: Readonly<Work>): number | undefined {
  return total === undefined || total <= 0 ? undefined : Math.min(1, done / total);
}

/** The parts of its progress line, most important first. */
export function workFields(work: WorkSnapshot): string[] {
  const { title, unit, done, total, earlier, elapsedMs, rate } = work;
  const inBytes = unit === 'bytes';
  const amount = (count: number): string => (inBytes ? formatBytes(count) : String(count));
  const speed = inBytes ? formatThroughput(rate) : `${rate.toFixed(rate < 10 ? 1 : 0)}/s`;
  const elapsed = `${formatDuration(elapsedMs)} elapsed`;
  const suffix = inBytes ? '' : ` ${done === 1 && total === undefined ? unit.slice(0, -1) : unit}`;
  if (total === undefined || total <= 0) return [`${amount(done)}${suffix}`, speed, elapsed, title];
  const counted = Math.min(done, total);
  const left = timeLeftMs(elapsedMs, (counted - earlier) / Math.max(1, total - earlier));
  return [
    `${Math.floor((100 * counted) / total)} %`,
    speed,
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
    elapsed,
    `${amount(counted)} of ${amount(total)}${suffix}`,
    title,
  ];
}
