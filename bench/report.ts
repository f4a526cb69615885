/** Results: a table for people, Markdown and JSON for bench/results. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineLine } from './machine.js';

export type Row = Readonly<Record<string, string | number>>;

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Report {
  readonly topic: string;
  /** The command that makes it. */
  readonly command: string;
  readonly notes?: readonly string[];
  readonly tables: readonly Table[];
}

/** As Markdown. */
export function printTable({ title, rows }: Table): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) =>
    line(columns.map((column) => String(row[column] ?? '').replaceAll('|', '\\|'))),
  );
  return [
    `## ${title}`,
    '',
    line(columns),
    line(columns.map((column) => (rows.every((row) => typeof row[column] !== 'string') ? '---:' : '---'))),
    ...body,
  ].join('\n');
}

export function markdown(report: Report): string {
  const tables = report.tables.map(printTable);
  return `${[`# ${report.topic}`, `\`${report.command}\` on ${machineLine()}, ${new Date().toISOString().slice(0, 10)}`, ...(report.notes ?? []), ...tables].join('\n\n')}\n`;
}

/** Prints the report, and keeps it in bench/results unless `save` is false. */
export function publish(report: Report, save: boolean): void {
  const text = markdown(report);
  console.log(text);
  if (!save) return;
  const stem = join('bench/results', report.topic);
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(`${stem}.md`, text);
  writeFileSync(
    `${stem}.json`,
    `${JSON.stringify({ ...report, machine: machineLine(), date: new Date().toISOString() }, undefined, 1)}\n`,
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** Median with the smallest and the largest value. */
export function spread(values: readonly number[], digits = 1): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}
