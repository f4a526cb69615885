/** The flags of the settings, made from their one table. */
import { Option, type Command } from 'commander';
import { readConfig, RETIRED_SETTINGS } from '../config/read-config.js';
import {
  SETTINGS,
  SETTING_NAMES,
  type Config,
  type Section,
  type Setting,
  type SettingName,
} from '../config/schema.js';
import { takeEnvironment } from './environment.js';

/** Adds `--config` and the flags of these sections. Values stay raw: `readConfig` checks them with file and environment. */
export function addConfigOptions(command: Command, sections: readonly Section[]): Command {
  command.option('--config <FILE>', 'configuration file (TOML); default: /etc/backuppc/backuppc-b2.toml');
  for (const name of SETTING_NAMES) {
    const row: Setting<unknown> = SETTINGS[name];
    if (row.flag === undefined || !sections.includes(row.section)) continue;
    const argument = row.kind.metavar === undefined ? '' : ` <${row.kind.metavar}>`;
    const option = new Option(
      `${row.short === undefined ? '' : `${row.short}, `}${row.flag}${argument}`,
      row.help,
    );
    if (row.kind.repeatable === true) {
      option.argParser((value: string, earlier: string[] | undefined) => [...(earlier ?? []), value]);
    }
    command.addOption(option);
  }
  if (sections.includes('machine'))
    for (const name of RETIRED_SETTINGS) command.addOption(new Option(`--${name} <VALUE>`).hideHelp());
  return command;
}

/** Configuration from file, environment and the flags that `command` parsed. @throws Failure `config` */
export function configFrom(
  options: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv = takeEnvironment(),
): Config {
  const file = options['config'];
  const flags = flagsOf(options);
  return readConfig({ file: typeof file === 'string' ? file : undefined, environment, flags });
}

/** The settings that were given as flags, raw. */
export function flagsOf(options: Readonly<Record<string, unknown>>): Partial<Record<SettingName, unknown>> {
  const flags: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const row: Setting<unknown> = SETTINGS[name];
    if (row.flag === undefined) continue;
    const option = new Option(row.flag);
    const value = options[option.attributeName()];
    // A `--no-…` that was not given reads as true, which is only the default.
    if (value === undefined || (option.negate && value === true)) continue;
    flags[name] = value;
  }
  return flags;
}
