/** What the metrics file of our program says of the run before. */
import { readFileSync } from 'node:fs';

export function lastRunBytes(metricsFile: string, what: 'sent' | 'copied'): number {
  const line = new RegExp(`^backuppc_b2_last_run_${what}_bytes\\{[^}]*\\} (\\d+)`, 'm');
  return Number(line.exec(readFileSync(metricsFile, 'utf8'))?.[1] ?? NaN);
}
