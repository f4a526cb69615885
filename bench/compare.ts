/**
 * Two results side by side.
 *
 *     npm run bench -- compare A B [TOPIC…]
 *
 * A and B are result files (bench/results/pipeline.json), directories of them, or commits, whose bench/results are taken.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { printTable, type Row, type Table } from './report.js';

export interface SavedReport {
  readonly topic: string;
  readonly machine: string;
  readonly date: string;
  readonly tables: readonly Table[];
}

interface Value {
  readonly median: number;
  /** undefined where the cell is one number without a spread. */
  readonly range: readonly [least: number, most: number] | undefined;
}

export function compare(args: readonly string[]): void {
  const [a, b, ...topics] = args;
  if (a === undefined || b === undefined) throw new Error('usage: npm run bench -- compare A B [TOPIC…]');
  const [before, after] = [load(a), load(b)];
  for (const [topic, first] of before) {
    const second =
      after.get(topic) ?? (before.size === 1 && after.size === 1 ? [...after.values()][0] : undefined);
    if (second === undefined || (topics.length > 0 && !topics.includes(topic))) continue;
    console.log(
      `# ${topic}\nA: ${a}, ${first.date.slice(0, 10)}, ${first.machine}\nB: ${b}, ${second.date.slice(0, 10)}, ${second.machine}\n`,
    );
    for (const table of comparison(first.tables, second.tables)) console.log(printTable(table));
  }
}

/** Rows that stand in both, every figure with its ratio B/A, and whether the ranges of the two are apart. Pure. */
export function comparison(before: readonly Table[], after: readonly Table[]): Table[] {
  return before.flatMap(({ title, rows }) => {
    const other = after.find((table) => table.title === title);
    if (other === undefined) return [];
    const compared = rows.flatMap((row) => {
      const twin = other.rows.find((one) => nameOf(one) === nameOf(row));
      return twin === undefined ? [] : compareRows(row, twin);
    });
    return compared.length === 0 ? [] : [{ title, rows: compared }];
  });
}

function compareRows(a: Row, b: Row): Row[] {
  return Object.keys(a).flatMap((column) => {
    const [left, right] = [valueOf(a[column]), valueOf(b[column])];
    if (left === undefined || right === undefined) return [];
    return [
      {
        row: nameOf(a),
        figure: column,
        A: String(a[column]),
        B: String(b[column]),
        'B / A': left.median === 0 ? '' : (right.median / left.median).toFixed(2),
        difference: verdict(left, right),
      },
    ];
  });
}

function verdict({ median: a, range: first }: Value, { median: b, range: second }: Value): string {
  if (a === b) return 'none';
  if (first === undefined || second === undefined) return 'no spread known';
  // A single run has no spread, however it is written.
  if (first[0] === first[1] && second[0] === second[1]) return 'one run each';
  return first[1] < second[0] || second[1] < first[0] ? 'more than the spread' : 'within the spread';
}

/** What a row is about: its cells that are no figures. */
function nameOf(row: Row): string {
  const words = Object.values(row).filter((cell) => valueOf(cell) === undefined && cell !== '');
  return words.length > 0 ? words.join(', ') : String(Object.values(row)[0]);
}

/** 2.7 (2.6–2.9), or a number. */
function valueOf(cell: string | number | undefined): Value | undefined {
  if (typeof cell === 'number') return { median: cell, range: undefined };
  const match = /^(-?[\d.]+)(?: \((-?[\d.]+)–(-?[\d.]+)\))?$/.exec(cell ?? '');
  if (match === null) return undefined;
  const [, median, least, most] = match;
  return {
    median: Number(median),
    range: least === undefined ? undefined : [Number(least), Number(most)],
  };
}

function load(name: string): Map<string, SavedReport> {
  const reports = new Map<string, SavedReport>();
  const add = (topic: string, text: string): void => {
    reports.set(topic, JSON.parse(text) as SavedReport);
  };
  const found = statSync(name, { throwIfNoEntry: false });
  if (found?.isFile() === true) add(basename(name, '.json'), readFileSync(name, 'utf8'));
  else if (found?.isDirectory() === true) {
    for (const file of readdirSync(name).filter((one) => one.endsWith('.json')))
      add(basename(file, '.json'), readFileSync(join(name, file), 'utf8'));
  } else {
    const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' });
    const files = git('ls-tree', '--name-only', name, 'bench/results/').split('\n');
    for (const file of files.filter((one) => one.endsWith('.json')))
      add(basename(file, '.json'), git('show', `${name}:${file}`));
  }
  if (reports.size === 0) throw new Error(`no results in ${name}`);
  return reports;
}
