/** The progress of a run, and its text. Pure. */
import { columnsOf } from '../columns.js';
import { formatBytes } from '../config/values.js';

/** A snapshot of the counters of a run. Bytes unless said otherwise. */
export interface Progress {
  /** ms since the start. */
  readonly elapsedMs: number;
  /** Of the tar stream. */
  readonly readBytes: number;
  /** Expected bytes of the tar stream, from BackupPC's records; undefined when unknown. */
  readonly expectedBytes: number | undefined;
  /** After compression. */
  readonly packedBytes: number;
  /** Confirmed by the store, in this run. */
  readonly confirmedBytes: number;
  /** Found in the store already and not sent again. */
  readonly skippedBytes: number;
  /** Copied inside the store from an earlier archive. */
  readonly copiedBytes: number;
  /** Recent upload rate in bytes per second. */
  readonly rate: number;
  /** Bytes per second allowed; undefined = no limit. */
  readonly limit: number | undefined;
  readonly connectionsBusy: number;
  readonly connectionsAllowed: number;
  readonly retries: number;
}

/**
 * How much of the expected tar is in the store, from 0 to 1; undefined if the expected size is unknown. Only confirmed data counts. Less than 1
 * as long as something is under way.
 */
export function storedShare(progress: Progress): number | undefined {
  const { expectedBytes, readBytes, packedBytes } = progress;
  if (expectedBytes === undefined || expectedBytes <= 0) return undefined;
  if (packedBytes <= 0) return 0;
  const stored = Math.min(1, storedBytes(progress) / packedBytes);
  const share = (stored * readBytes) / expectedBytes;
  return Math.min(share, stored < 1 ? 0.99 : 1);
}

/** Estimated time left, from the share of the tar that is stored; undefined while that is too small to tell. */
export function etaMs(progress: Progress): number | undefined {
  const share = storedShare(progress);
  return share === undefined ? undefined : timeLeftMs(progress.elapsedMs, share);
}

/** @param share of the work, done in `elapsedMs` @returns undefined while that is too little to tell */
export function timeLeftMs(elapsedMs: number, share: number): number | undefined {
  return share < 0.001 || elapsedMs < 5000 ? undefined : (elapsedMs * (1 - share)) / share;
}

function storedBytes({ confirmedBytes, skippedBytes, copiedBytes }: Progress): number {
  return confirmedBytes + skippedBytes + copiedBytes;
}

/** 4 s, 12 m 05 s, 3 h 07 m, 2 d 04 h. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`;
  return `${Math.floor(seconds / 86400)} d ${two(Math.floor((seconds % 86400) / 3600))} h`;
}

export function formatThroughput(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

/** The parts of a progress report in a log, most important first. */
export function progressFields(progress: Progress): string[] {
  const share = storedShare(progress);
  const percent = share === undefined ? '' : ` (${Math.floor(100 * share)} %)`;
  const fields = [
    `in B2 ${formatBytes(storedBytes(progress))}${percent}`,
    `read ${formatBytes(progress.readBytes)}`,
  ];
  fields.push(
    formatThroughput(progress.rate) +
      (progress.limit === undefined ? '' : ` of ${formatThroughput(progress.limit)}`),
  );
  const eta = etaMs(progress);
  if (eta !== undefined) fields.push(`${formatDuration(eta)} left`);
  fields.push(...technicalFields(progress));
  return fields;
}

function technicalFields(progress: Progress): string[] {
  const fields: string[] = [];
  fields.push(`${progress.connectionsBusy}/${progress.connectionsAllowed} connections`);
  if (progress.retries > 0)
    fields.push(`${progress.retries} ${progress.retries === 1 ? 'retry' : 'retries'}`);
  if (progress.packedBytes !== progress.readBytes && progress.readBytes > 0) {
    fields.push(`compressed to ${Math.round((100 * progress.packedBytes) / progress.readBytes)} %`);
  }
  return fields;
}

/** The same for a terminal, in the order of every command's progress line. */
export function terminalFields(progress: Progress): string[] {
  const share = storedShare(progress);
  const eta = etaMs(progress);
  return [
    ...(share === undefined ? [] : [`${Math.floor(100 * share)} %`]),
    formatThroughput(progress.rate),
    ...(eta === undefined ? [] : [`${formatDuration(eta)} left`]),
    `${formatDuration(progress.elapsedMs)} elapsed`,
    `in B2 ${formatBytes(storedBytes(progress))}`,
    `read ${formatBytes(progress.readBytes)}`,
    ...(progress.limit === undefined ? [] : [`limit ${formatThroughput(progress.limit)}`]),
    ...technicalFields(progress),
  ];
}

/** As many fields as fit into `columns`, joined. */
export function fittingLine(fields: readonly string[], columns: number): string {
  let line = '';
  for (const field of fields) {
    const longer = line === '' ? field : `${line}, ${field}`;
    if (columnsOf(longer) > columns) break;
    line = longer;
  }
  return line;
}

/** Rate over the last few seconds, from samples of what is done: bytes or objects. */
export class RateMeter {
  readonly #windowMs: number;
  readonly #samples: { at: number; bytes: number }[] = [];

  constructor(windowMs = 10_000) {
    this.#windowMs = windowMs;
  }

  /** @param at monotonic ms @param bytes total so far @returns per second over the window */
  sample(at: number, bytes: number): number {
    this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) >= this.#windowMs)
      this.#samples.shift();
    const first = this.#samples[0] ?? { at, bytes };
    return at > first.at ? ((bytes - first.bytes) * 1000) / (at - first.at) : 0;
  }
}
