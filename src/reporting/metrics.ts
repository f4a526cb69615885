/** `--metrics-file`: figures per host in the text format of Prometheus (for node_exporter's textfile collector). */
import { readFile } from 'node:fs/promises';
import { replaceFile } from '../replace-file.js';
import type { RunSummary } from './summary.js';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly value: (summary: RunSummary) => number | undefined;
}

const seconds = (iso: string): number => Math.floor(Date.parse(iso) / 1000);
const succeeded = (summary: RunSummary): boolean => summary.state === 'finished';

const METRICS: readonly Metric[] = [
  {
    name: 'backuppc_b2_last_success_timestamp_seconds',
    help: 'End of the last archive that finished whole.',
    value: (s) => (succeeded(s) ? seconds(s.finishedAt) : undefined),
  },
  {
    name: 'backuppc_b2_last_success_number',
    help: 'Backup number of the last archive that finished whole.',
    value: (s) => (succeeded(s) ? s.number : undefined),
  },
  {
    name: 'backuppc_b2_last_success_bytes',
    help: 'Bytes of that archive in B2.',
    value: (s) => (succeeded(s) ? s.storedBytes : undefined),
  },
  {
    name: 'backuppc_b2_last_run_timestamp_seconds',
    help: 'End of the last run.',
    value: (s) => seconds(s.finishedAt),
  },
  {
    name: 'backuppc_b2_last_run_exit_status',
    help: 'Exit status of the last run; 0 is success.',
    value: (s) => s.exitStatus,
  },
  {
    name: 'backuppc_b2_last_run_duration_seconds',
    help: 'Duration of the last run.',
    value: (s) => s.seconds,
  },
  { name: 'backuppc_b2_last_run_sent_bytes', help: 'Bytes sent by the last run.', value: (s) => s.sentBytes },
  {
    name: 'backuppc_b2_last_run_copied_bytes',
    help: 'Bytes that the last run had B2 copy from an earlier archive.',
    value: (s) => s.copiedBytes,
  },
  {
    name: 'backuppc_b2_last_run_retries',
    help: 'Requests that the last run had to repeat.',
    value: (s) => s.retries,
  },
];

/**
 * The file's new text with this host's lines replaced. Keeps other hosts' lines, and values that this run does not know (the last success, if
 * it failed).
 */
export function updateMetrics(text: string, summary: RunSummary): string {
  const lines = text.split('\n');
  const label = `{host="${summary.host.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"}`;
  const blocks = METRICS.map(({ name, help, value }) => {
    const kept = lines.filter((line) => line.startsWith(`${name}{`));
    const figure = value(summary);
    const others = kept.filter((line) => !line.startsWith(`${name}${label} `));
    const mine =
      figure === undefined
        ? kept.filter((line) => line.startsWith(`${name}${label} `))
        : [`${name}${label} ${figure}`];
    const samples = [...others, ...mine].sort();
    return samples.length === 0
      ? ''
      : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${samples.join('\n')}\n`;
  });
  return blocks.join('');
}

/** Written beside and renamed, so that a collector never sees half a file. */
export async function writeMetrics(path: string, summary: RunSummary): Promise<void> {
  const before = await readFile(path, 'utf8').catch(() => '');
  await replaceFile(path, updateMetrics(before, summary), { mode: 0o644 });
}
