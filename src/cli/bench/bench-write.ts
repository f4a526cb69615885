/** `bench --write`: writes the measured settings into the configuration file. Settings made by hand stay unless the user agrees. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DEFAULT_CONFIG_FILES } from '../../config/read-config.js';
import type { SettingName } from '../../config/schema.js';
import { editSection, handSet, settingLines, type SectionValues } from '../../config/section.js';
import { Failure } from '../../errors.js';
import type { Choice } from '../../tuning/choice.js';
import { readText, replaceText } from '../../tuning/write-section.js';
import type { Output } from '../context.js';

export interface WriteOptions {
  readonly file: string;
  readonly values: SectionValues;
  readonly title: string;
  /** Replace what was set by hand without asking. */
  readonly force: boolean;
}

/** The file that was read, or the first of the usual ones whose directory exists. */
export function fileToWrite(asked: string | true, read: string | undefined): string {
  if (asked !== true) return asked;
  const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
  return read ?? DEFAULT_CONFIG_FILES.find((path) => exists(dirname(path))) ?? DEFAULT_CONFIG_FILES[0];
}

const MIB = 1024 * 1024;
const inMib = (bytes: number): string => `${Math.round(bytes / MIB)}M`;

export function settingsOf({ way, choseCodec, connections, partBytes, memoryBytes }: Choice): SectionValues {
  return {
    workers: way.workers,
    memory: inMib(memoryBytes),
    ...(choseCodec ? { compress: way.codec } : {}),
    ...(connections === undefined ? {} : { connections }),
    ...(partBytes === undefined ? {} : { part_size: inMib(Math.ceil(partBytes / MIB) * MIB) }),
  };
}

/** @throws Failure `config` if there are settings made by hand and nobody to ask */
export async function writeSettings(out: Output, options: WriteOptions): Promise<void> {
  const { file, values, title, force } = options;
  const before = await readText(file);
  const text = before ?? '';
  const theirs = handSet(text, values);
  let byHand: 'keep' | 'replace' = force ? 'replace' : 'keep';
  if (theirs.length > 0 && !force) {
    const told = theirs.map(({ name, is, wanted }) => `${name} = ${shown(is)} (measured: ${shown(wanted)})`);
    if (!out.interactive) {
      throw new Failure('config', `${file} has ${told.join(', ')}: set by hand, so nothing was written`, {
        hint: `--force replaces ${listed(theirs.map(({ name }) => name))}; or put the lines above in yourself`,
      });
    }
    out.note(`${file} has, set by hand: ${told.join(', ')}`);
    const answer = await out.ask(
      'Replace them? y: replace; n: keep them and write the others; q: write nothing [n] ',
    );
    if (/^q/i.test(answer.trim())) throw new Failure('interrupted', 'nothing was written');
    if (/^y/i.test(answer.trim())) byHand = 'replace';
  }
  const after = editSection(text, { values, title, byHand });
  await replaceText(file, after);
  out.note(before === undefined ? `${file} was made.` : `${file} was changed.`);
}

export function linesOf(choice: Choice): string {
  return settingLines(settingsOf(choice));
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function listed(names: readonly SettingName[]): string {
  return names.join(', ');
}
