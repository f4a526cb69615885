/** Answers of processes that claim to run an archive, possibly another user's: checked before they are shown. Pure. */
import type { LimitStatus } from '../../bandwidth/limiter.js';
import type { Progress } from '../../reporting/progress.js';
import { printable } from '../../printable.js';

/** What a running archive says about itself. */
export interface RunningStatus {
  readonly pid: number;
  readonly host: string;
  readonly number: number;
  readonly startedAt: string;
  readonly progress: Progress;
  readonly limit: LimitStatus;
}

const MAX_TEXT = 300;

type Fields = Readonly<Record<string, unknown>>;

/** @returns undefined for what is not an answer of this program */
export function runningStatus(answer: unknown): RunningStatus | undefined {
  const fields = fieldsOf(answer);
  const limit = limitStatus(fields['limit']);
  const progress = progressOf(fields['progress']);
  const [pid, number] = [figure(fields['pid']), figure(fields['number'])];
  const [host, startedAt] = [text(fields['host']), text(fields['startedAt'])];
  if (limit === undefined || progress === undefined || pid === undefined || number === undefined)
    return undefined;
  if (host === undefined || startedAt === undefined) return undefined;
  return { pid, host, number, startedAt, progress, limit };
}

/** @returns undefined for what is not an answer of this program */
export function limitStatus(answer: unknown): LimitStatus | undefined {
  const fields = fieldsOf(answer);
  const [limit, rate, reason] = [text(fields['limit']), text(fields['rate']), text(fields['reason'])];
  if (limit === undefined || rate === undefined || reason === undefined) return undefined;
  const next = text(fields['next']);
  const auto = autoReport(fields['auto']);
  return {
    limit,
    rate,
    reason,
    bytesPerSecond: figure(fields['bytesPerSecond']) ?? null,
    lifted: fields['lifted'] === true,
    ...(next === undefined ? {} : { next }),
    ...(auto === undefined ? {} : { auto }),
  };
}

type AutoReport = NonNullable<LimitStatus['auto']>;

function autoReport(answer: unknown): AutoReport | undefined {
  const fields = fieldsOf(answer);
  const [state, queueMs] = [text(fields['state']), figure(fields['queueMs'])];
  if (state === undefined || queueMs === undefined) return undefined;
  // A word of another version is shown as it is.
  return { state: state as AutoReport['state'], queueMs, baseMs: figure(fields['baseMs']) ?? null };
}

function progressOf(answer: unknown): Progress | undefined {
  const fields = fieldsOf(answer);
  const needed = (name: keyof Progress): number => figure(fields[name]) ?? Number.NaN;
  const progress: Progress = {
    elapsedMs: needed('elapsedMs'),
    readBytes: needed('readBytes'),
    expectedBytes: figure(fields['expectedBytes']),
    packedBytes: needed('packedBytes'),
    confirmedBytes: needed('confirmedBytes'),
    skippedBytes: needed('skippedBytes'),
    copiedBytes: figure(fields['copiedBytes']) ?? 0,
    rate: needed('rate'),
    limit: figure(fields['limit']),
    connectionsBusy: needed('connectionsBusy'),
    connectionsAllowed: needed('connectionsAllowed'),
    retries: needed('retries'),
  };
  return Object.values(progress).some((value) => Number.isNaN(value)) ? undefined : progress;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function figure(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? printable(value.slice(0, MAX_TEXT)) : undefined;
}
