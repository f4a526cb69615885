/** `backuppc-b2 files`: lists an archive's members from its member index alone. */
import { EXIT_STATUS } from '../../errors.js';
import { changesBetween } from '../../members/diff.js';
import { escapeOctets } from '../../members/escape.js';
import { timeText, type IndexMember } from '../../members/index-text.js';
import { matcher, type Matcher } from '../../members/match.js';
import { printable, printableJson } from '../../printable.js';
import { membersOf } from '../../restore/read-index.js';
import type { Allowances } from '../admit.js';
import type { ExitStatus } from '../context.js';
import type { RestoreContext } from '../restore-context.js';
import { openIndex, sayUnmatched } from './opened-index.js';

export interface FilesOptions extends Allowances {
  readonly host: string;
  readonly number: number | undefined;
  /** Empty: all. */
  readonly patterns: readonly string[];
  /** As `tar -tv` prints them. */
  readonly long: boolean;
  readonly json: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Text that is printed at once. */
const SLICE_CHARACTERS = 64 * 1024;

export async function files(context: RestoreContext, options: FilesOptions): Promise<ExitStatus> {
  const opened = await openIndex(context, options);
  const { archive } = opened.located;
  const wanted = matcher(options.patterns, opened.manifest.share);
  const out = new Slices(context);
  const { host, number } = archive;
  if (options.json) out.write(`{"host":${printableJson(host)},"number":${number},"members":[`);
  let first = true;
  for await (const line of opened.lines()) {
    if (line.kind === 'damage')
      context.out.note(`warning: ${printable(line.reason)}: no member is known from there on`);
    if (line.kind !== 'member' || !isWanted(wanted, options.patterns, line)) continue;
    if (options.json) out.write(`${first ? '' : ','}\n${printableJson(jsonOf(line))}`);
    else out.write(options.long ? longLine(line) : `${escapeOctets(line.path)}\n`);
    first = false;
  }
  if (options.json) out.write(`${first ? '' : '\n'}]}\n`);
  out.end();
  return sayUnmatched(context, wanted);
}

/** Only the differences; with patterns, only in what they match. */
export async function filesDiff(
  context: RestoreContext,
  numbers: readonly [older: number, newer: number],
  options: Omit<FilesOptions, 'number' | 'long'>,
): Promise<ExitStatus> {
  // One behind the other: where one is refused, nothing may still be under way.
  const older = await openIndex(context, { ...options, number: numbers[0] });
  const newer = await openIndex(context, { ...options, number: numbers[1] });
  const changes = await changesBetween(membersOf(older.lines()), membersOf(newer.lines()));
  const wanted = matcher(options.patterns, newer.manifest.share);
  const shown = changes.filter((change) => isWanted(wanted, options.patterns, change));
  if (options.json) {
    const rows = shown.map(({ kind, path }) => ({ change: WORDS[kind], path: escapeOctets(path) }));
    const report = { host: options.host, older: numbers[0], newer: numbers[1], changes: rows };
    context.out.write(`${printableJson(report, 2)}\n`);
    return EXIT_STATUS.ok;
  }
  const out = new Slices(context);
  for (const { kind, path } of shown) out.write(`${kind} ${escapeOctets(path)}\n`);
  out.end();
  return EXIT_STATUS.ok;
}

const WORDS = { '+': 'added', '-': 'removed', M: 'modified', m: 'attributes' } as const;

function isWanted(
  wanted: Matcher,
  patterns: readonly string[],
  { path }: Pick<IndexMember, 'path'>,
): boolean {
  return patterns.length === 0 || wanted.matches(path);
}

function longLine({ mode, owner, size, mtime, path, linkTarget }: IndexMember): string {
  const time = timeText(mtime)
    .replace('T', ' ')
    .replace(/:\d\dZ$/, '');
  // GNU tar's column widths, which grow as needed.
  const sized = `${owner} ${String(size).padStart(Math.max(0, 18 - owner.length))}`;
  const target =
    linkTarget === undefined
      ? ''
      : `${mode.startsWith('h') ? ' link to' : ' ->'} ${escapeOctets(linkTarget)}`;
  return `${mode} ${sized} ${time} ${escapeOctets(path)}${target}\n`;
}

function jsonOf({ mode, owner, size, mtime, volume, offset, path, linkTarget }: IndexMember): unknown {
  return {
    path: escapeOctets(path),
    mode,
    owner,
    size,
    mtime: timeText(mtime),
    volume: volume ?? null,
    offset,
    linkTarget: linkTarget === undefined ? null : escapeOctets(linkTarget),
  };
}

/** Buffers lines for standard output. */
class Slices {
  readonly #context: Pick<RestoreContext, 'out'>;
  #text = '';

  constructor(context: Pick<RestoreContext, 'out'>) {
    this.#context = context;
  }

  write(text: string): void {
    this.#text += text;
    if (this.#text.length >= SLICE_CHARACTERS) this.end();
  }

  end(): void {
    if (this.#text !== '') this.#context.out.write(this.#text);
    this.#text = '';
  }
}
