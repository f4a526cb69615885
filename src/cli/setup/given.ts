/** Settings from flags, the environment and the former configuration, put together. Pure. */
import { isAbsolute } from 'node:path';
import { SETTINGS, SETTING_NAMES, type Setting, type SettingName } from '../../config/schema.js';
import type { RawSettings } from '../../config/settings-text.js';
import { Failure } from '../../errors.js';

export type Draft = Partial<Record<SettingName, unknown>>;

/** Where the application key may come from. */
export const KEY_SOURCES = ['application_key', 'application_key_file', 'application_key_command'] as const;
/** Who can read the archives. */
export const READERS = ['passphrase', 'passphrase_file', 'passphrase_command', 'recipient'] as const;
export const LIMITS = ['bwlimit', 'bwlimit_file'] as const;
/** What setup asks for. */
export const ASKED: readonly SettingName[] = [
  'key_id',
  ...KEY_SOURCES,
  'bucket',
  ...READERS,
  'bwlimit',
  'reuse',
];

export function has(settings: RawSettings, names: readonly SettingName[]): boolean {
  return names.some((name) => settings[name] !== undefined);
}

export function only(settings: RawSettings, names: readonly SettingName[]): Draft {
  return Object.fromEntries(
    names.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])),
  );
}

/** The same without these. */
export function without(settings: RawSettings, names: readonly SettingName[]): Draft {
  return only(
    settings,
    SETTING_NAMES.filter((name) => !names.includes(name)),
  );
}

/** What is given replaces what was there, also where it says the same by another setting: a file instead of a command. */
export function merged(former: RawSettings, given: RawSettings): Draft {
  let kept = former;
  for (const group of [KEY_SOURCES, READERS, LIMITS]) if (has(given, group)) kept = without(kept, group);
  return { ...kept, ...given };
}

/** For a run without a terminal. @throws Failure `usage` naming what is missing */
export function unasked(given: RawSettings, passphraseFile: string): Draft {
  const missing: string[] = [];
  if (!has(given, ['key_id'])) missing.push('--key-id (or B2_APPLICATION_KEY_ID)');
  if (!has(given, KEY_SOURCES)) missing.push('B2_APPLICATION_KEY or --application-key-file');
  if (!has(given, ['bucket'])) missing.push('--bucket');
  if (missing.length > 0)
    throw new Failure('usage', `setup needs ${missing.join(', ')}, and there is no terminal to ask on`);
  return has(given, READERS) ? { ...given } : { ...given, passphrase_file: [passphraseFile] };
}

/**
 * Where reuse is new, the level of compression follows the line, unless it is settled otherwise.
 * @param able whether this machine can compress so, whichever codec BackupPC asks for
 */
export function withEffort(settings: Draft, reuseIsNew: boolean, able: boolean): Draft {
  return reuseIsNew && able && settings.compress === undefined ? { ...settings, compress: 'auto' } : settings;
}

/** @throws Failure `usage` for what a configuration file cannot hold, or what means something else in another directory */
export function checkWritable(settings: RawSettings): void {
  for (const name of SETTING_NAMES) {
    const value = settings[name];
    if (value instanceof Uint8Array)
      throw new Failure('usage', `${name} is not UTF-8: a configuration file cannot hold it`, {
        hint: 'put it into a file of its own and give --passphrase-file',
      });
    const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    if (!/FILE|DIR/.test((SETTINGS[name] as Setting<unknown>).kind.metavar ?? '')) continue;
    for (const path of list) {
      if (typeof path === 'string' && !isAbsolute(path))
        throw new Failure('usage', `${name}: ${path} is not an absolute path`, {
          hint: 'BackupPC runs us in a directory of its own',
        });
    }
  }
}

/** Where a secret is, without the secret: `in FILE`. undefined if there is none. */
export function whereIsKey(settings: RawSettings, file: string): string | undefined {
  const { application_key: key, application_key_file: keyFile, application_key_command: command } = settings;
  if (key !== undefined) return `in ${file}`;
  if (typeof keyFile === 'string') return `in ${keyFile}`;
  return command === undefined ? undefined : 'that application_key_command prints';
}

/** The same of all who can read the archives: `passphrase in FILE, recipient KEY.asc`. */
export function whoReads(settings: RawSettings, file: string): string | undefined {
  const readers = [
    ...(settings.passphrase === undefined ? [] : [`passphrase in ${file}`]),
    ...texts(settings.passphrase_file).map((path) => `passphrase in ${path}`),
    ...(settings.passphrase_command === undefined ? [] : ['passphrase that passphrase_command prints']),
    ...texts(settings.recipient).map((path) => `recipient ${path}`),
  ];
  return readers.length === 0 ? undefined : readers.join(', ');
}

/** A list of texts; TOML may give one text instead. */
export function texts(value: unknown): string[] {
  return (Array.isArray(value) ? (value as unknown[]) : [value]).filter((one) => typeof one === 'string');
}
