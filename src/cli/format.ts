/** Figures and tables as people read them. Pure. */
import { columnsOf, padded } from '../columns.js';
import { formatBytes } from '../config/values.js';
import { printable } from '../printable.js';

export { formatBytes, printable };
export { printableJson } from '../printable.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 12 min, 5 h, 3 days. */
export function formatAge(ms: number): string {
  if (ms < HOUR) return `${Math.max(0, Math.floor(ms / MINUTE))} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} days`;
}

/** 2026-11-23 09:39 UTC. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

export type Column = readonly [title: string, side: 'left' | 'right'];

/** Lines with columns two blanks apart; nothing is cut, and nothing unprintable comes through. */
export function table(columns: readonly Column[], given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(printable));
  const widths = columns.map(([title], c) =>
    rows.reduce((width, row) => Math.max(width, columnsOf(row[c] ?? '')), columnsOf(title)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => padded(cell, widths[c] ?? 0, columns[c]?.[1] ?? 'left'))
      .join('  ')
      .trimEnd();
  return [line(columns.map(([title]) => title)), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** web #12. */
export function titleOf({ host, number }: { readonly host: string; readonly number: number }): string {
  return `${printable(host)} #${number}`;
}

/** 1 archive, 2 archives. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
