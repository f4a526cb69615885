/** The summary of one run, for hooks, the metrics file and the last line. Pure. */
import { formatBytes } from '../config/values.js';
import { formatDuration, formatThroughput } from './progress.js';

export interface RunSummary {
  readonly program: string;
  readonly host: string;
  readonly number: number;
  readonly state: 'finished' | 'partial' | 'failed';
  /** Why it is not finished. */
  readonly reasons: readonly string[];
  readonly exitStatus: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly seconds: number;
  readonly tarBytes: number;
  /** Sealed bytes of the archive in B2; 0 when it failed. */
  readonly storedBytes: number;
  /** Sent by this run, retries included. */
  readonly sentBytes: number;
  /** Copied inside B2 from an earlier archive, not uploaded. */
  readonly copiedBytes: number;
  readonly volumes: number;
  readonly retries: number;
  /** Worst delay of the event loop while the archive ran, ms: how long a stop or another upload may have waited. */
  readonly loopDelay: { readonly p99Ms: number; readonly maxMs: number };
  readonly bucket: string;
  readonly manifest: string | null;
}

/** What is known before a run, or of one that could not begin. */
export interface RunNotice {
  readonly program: string;
  /** Empty where the arguments did not say. */
  readonly host: string;
  readonly number: number | null;
  readonly state: 'started' | 'failed';
  readonly reasons: readonly string[];
  readonly exitStatus?: number;
  readonly startedAt: string;
  readonly bucket: string;
}

/** The last line of a run that stored an archive. */
export function summaryLine(summary: RunSummary): string {
  const { host, number, state, volumes, storedBytes, tarBytes, seconds, sentBytes, copiedBytes } = summary;
  const shrunk = tarBytes > 0 && storedBytes < tarBytes * 0.99 ? ` (of ${formatBytes(tarBytes)})` : '';
  const sent =
    copiedBytes > 0
      ? `, sent ${formatBytes(sentBytes)}, copied ${formatBytes(copiedBytes)} in B2`
      : sentBytes < storedBytes * 0.999
        ? `, ${formatBytes(sentBytes)} of it sent now`
        : '';
  const rate = seconds > 0 ? `, ${formatThroughput(sentBytes / seconds)}` : '';
  const words = `${host} #${number}: ${state}, ${formatBytes(storedBytes)}${shrunk} in ${volumes} volume${volumes === 1 ? '' : 's'}${sent}, ${formatDuration(seconds * 1000)}${rate}`;
  return summary.reasons.length === 0 ? words : `${words}; ${summary.reasons.join('; ')}`;
}
