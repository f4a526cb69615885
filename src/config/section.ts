/**
 * The section of the configuration file that a program writes, between two marks, beside what people wrote. Pure.
 *
 * The first mark holds a checksum of the lines between: a section that somebody has edited is left alone, like everything outside.
 */
import { createHash } from 'node:crypto';
import { parse as parseToml, stringify } from 'smol-toml';
import { Failure } from '../errors.js';
import { SETTINGS, type SettingName } from './schema.js';

export type SectionValue = string | number;
export type SectionValues = Readonly<Partial<Record<SettingName, SectionValue>>>;

export interface SectionEdit {
  readonly values: SectionValues;
  /** Of the section: when, where. One line. */
  readonly title: string;
  /** What to do with settings that a person set to something else. */
  readonly byHand: 'keep' | 'replace';
}

export interface HandSet {
  readonly name: SettingName;
  readonly is: unknown;
  readonly wanted: SectionValue;
}

const BEGIN = '# >>> backuppc-b2 bench';
const END = '# <<< backuppc-b2 bench';

/** Settings outside the section. @throws Failure `config` if the text is not TOML */
export function setByHand(text: string): ReadonlySet<string> {
  return new Set(Object.keys(parsed(split(text).outside)));
}

/** Settings that a person set to other values than these. @throws Failure `config` if the text is not TOML */
export function handSet(text: string, values: SectionValues): HandSet[] {
  const { outside } = split(text);
  const table = parsed(outside);
  return names(values).flatMap((name) => {
    const wanted = values[name];
    const is = table[name];
    return wanted === undefined || is === undefined || same(name, is, wanted) ? [] : [{ name, is, wanted }];
  });
}

/**
 * The text with the section. Everything outside it stays as it is, including comments. Replaced lines become comments.
 * @throws Failure `config` if the result would not mean what it should
 */
export function editSection(text: string, { values, title, byHand }: SectionEdit): string {
  const { outside, at } = split(text);
  const theirs = parsed(outside);
  let rest = outside;
  const written: Partial<Record<SettingName, SectionValue>> = {};
  for (const name of names(values)) {
    const value = values[name];
    if (value === undefined) continue;
    const is = theirs[name];
    if (is === undefined) written[name] = value;
    else if (byHand === 'replace' && !same(name, is, value)) {
      rest = commentOut(rest, name);
      written[name] = value;
    }
  }
  const section = sectionText(written, title);
  const place = rest.length === outside.length ? at : Math.min(placeFor(rest), rest.length);
  const before = rest.slice(0, place);
  const gap = before === '' || before.endsWith('\n\n') ? '' : before.endsWith('\n') ? '\n' : '\n\n';
  const after = rest.slice(place);
  const edited = `${before}${gap}${section}${after === '' || after.startsWith('\n') ? '' : '\n'}${after}`;
  check(parsed(edited), theirs, written);
  return edited;
}

/** The lines of the settings alone, for people to put in themselves. */
export function settingLines(values: SectionValues): string {
  return stringify(values);
}

function names(values: SectionValues): SettingName[] {
  return Object.keys(values) as SettingName[];
}

function sectionText(values: SectionValues, title: string): string {
  const lines = settingLines(values);
  return `${BEGIN} ${checksum(lines)} ${title.replace(/\s+/g, ' ')}\n${lines}${END}\n`;
}

function checksum(lines: string): string {
  return createHash('sha256').update(lines).digest('hex').slice(0, 8);
}

/** The text without our section, and where it was, or where it should go. */
function split(text: string): { readonly outside: string; readonly at: number } {
  const pattern = new RegExp(`^${BEGIN} ([0-9a-f]{8}) .*\\n((?:(?!${BEGIN}).*\\n)*?)${END}\\n?`, 'gm');
  for (const match of text.matchAll(pattern)) {
    const [whole, sum, lines = ''] = match;
    if (checksum(lines) !== sum) continue;
    const outside = text.slice(0, match.index) + text.slice(match.index + whole.length);
    return { outside, at: match.index };
  }
  return { outside: text, at: placeFor(text) };
}

/** Settings come before the first table, if there is one. */
function placeFor(text: string): number {
  const table = /^[ \t]*\[/m.exec(text);
  return table?.index ?? text.length;
}

function commentOut(text: string, name: SettingName): string {
  const line = new RegExp(`^([ \\t]*)((?:${name}|"${name}"|'${name}')[ \\t]*=[^\\n]*)`, 'm');
  return text.replace(line, '$1# replaced by bench: $2');
}

function parsed(text: string): Record<string, unknown> {
  try {
    return parseToml(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new Failure('config', `the configuration file cannot be read: ${reason}`, { cause: error });
  }
}

/** Whether two notations mean the same value: 88M and 92274688. */
function same(name: SettingName, a: unknown, b: unknown): boolean {
  const { kind } = SETTINGS[name];
  const [left, right] = [kind.parse(a), kind.parse(b)];
  return left.ok && right.ok && JSON.stringify(left.value) === JSON.stringify(right.value);
}

function check(
  is: Record<string, unknown>,
  before: Record<string, unknown>,
  written: Readonly<Record<string, unknown>>,
): void {
  const wanted: Record<string, unknown> = { ...before, ...written };
  const keys = new Set([...Object.keys(is), ...Object.keys(wanted)]);
  for (const key of keys) {
    if (JSON.stringify(is[key]) === JSON.stringify(wanted[key])) continue;
    throw new Failure('config', `the configuration file cannot be edited safely (${key})`, {
      hint: 'put the printed lines into it yourself',
    });
  }
}
