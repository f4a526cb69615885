/** What `verify` found of one archive, and its text. Pure. */
import type { Archive } from '../catalog/archive.js';
import type { TarCounts } from '../restore/tar-walk.js';
import { counted, formatBytes, printable, titleOf } from './format.js';

export interface Verdict {
  readonly host: string;
  readonly number: number;
  readonly state: Archive['state'];
  /** Empty: nothing wrong was found. */
  readonly problems: string[];
  /** Remarks that are not damage: that it is being written, partial, or hidden. */
  readonly notes: string[];
  /** Why it is unproven; undefined if it is proven. */
  readonly unproven: string | undefined;
  /** Why no passphrase or key at hand opens it; undefined if one does, or none was needed. */
  readonly unopened: string | undefined;
  readonly checkedBytes: number;
  readonly tar: TarCounts | undefined;
}

/** A remark. What was archived may be a dump, for example. */
export const NOT_A_TAR = 'it is no tar, and has as many bytes as its manifest says';

/** @param allowed unproven archives are taken */
export function verdictText(verdict: Verdict, allowed: boolean): string {
  const { state, problems, notes, unproven, unopened, checkedBytes, tar } = verdict;
  const what = [
    ...(checkedBytes > 0 ? [`${formatBytes(checkedBytes)} read`] : []),
    ...(tar === undefined
      ? []
      : [
          notes.includes(NOT_A_TAR)
            ? formatBytes(tar.bytes)
            : `tar of ${counted(tar.files, 'file')}, ${formatBytes(tar.bytes)}`,
        ]),
  ];
  const title = titleOf(verdict);
  if (state === 'running') return `${title}: running, not verified\n`;
  const word = wordOf(verdict, allowed);
  const suffix = [...(state === 'finished' || state === 'damaged' ? [] : [state]), ...what].join(', ');
  const lines = [
    ...(unproven === undefined ? [] : [`unproven: ${unproven}`]),
    ...(unopened === undefined ? [] : [unopened]),
    ...firstOf(problems),
    ...(state === 'partial' ? [] : notes),
  ];
  const head = `${title}: ${word}${suffix === '' ? '' : ` (${suffix})`}\n`;
  return `${head}${lines.map((line) => `  ${printable(line)}\n`).join('')}`;
}

function wordOf({ problems, unopened, unproven }: Verdict, allowed: boolean): string {
  if (problems.length > 0) return 'DAMAGED';
  if (unopened !== undefined) return 'CANNOT BE OPENED';
  return unproven === undefined || allowed ? 'ok' : 'UNPROVEN';
}

/** At most this many lines for one archive; with --json all of them. */
const MOST_LINES = 50;

function firstOf(problems: readonly string[]): readonly string[] {
  if (problems.length <= MOST_LINES) return problems;
  const more = problems.length - MOST_LINES;
  return [
    ...problems.slice(0, MOST_LINES),
    `and ${counted(more, 'more problem')} (--json names all of them)`,
  ];
}
