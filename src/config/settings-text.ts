/** The configuration file that setup writes. Pure. */
import { stringify } from 'smol-toml';
import { SETTINGS, SETTING_NAMES, type Section, type Setting, type SettingName } from './schema.js';

/** As a flag, the environment or a person gave them: text, `true`, or a list of texts. */
export type RawSettings = Readonly<Partial<Record<SettingName, unknown>>>;

const TITLES: Readonly<Record<Section, string>> = {
  b2: 'The account and the bucket',
  encryption: 'Who can read the archives',
  machine: 'This machine',
  line: 'The line',
  archive: 'Archives',
  reports: 'Reports',
  backuppc: 'BackupPC',
};

/** @param date as in 2026-11-23 */
export function settingsText(settings: RawSettings, date: string): string {
  const blocks = [`# Written by backuppc-b2 setup, ${date}. All settings: backuppc-b2 configuration\n`];
  let section: Section | undefined;
  for (const name of SETTING_NAMES) {
    const raw = settings[name];
    if (raw === undefined) continue;
    const row: Setting<unknown> = SETTINGS[name];
    if (row.section !== section) blocks.push(`# ${TITLES[row.section]}\n`);
    const line = stringify({ [name]: plain(row, raw) });
    const last = blocks.pop() ?? '';
    blocks.push(`${last}${line.endsWith('\n') ? line : `${line}\n`}`);
    section = row.section;
  }
  return blocks.join('\n');
}

/** Flags are strings: a number is written as a number if that means the same to the setting. */
function plain({ kind }: Setting<unknown>, raw: unknown): unknown {
  if (typeof raw !== 'string' || !/^\d{1,15}$/.test(raw)) return raw;
  const [text, number] = [kind.parse(raw), kind.parse(Number(raw))];
  const same = text.ok && number.ok && JSON.stringify(text.value) === JSON.stringify(number.value);
  return same ? Number(raw) : raw;
}
