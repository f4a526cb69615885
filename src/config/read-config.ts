/** Reads file, environment and flags, in increasing precedence, into one frozen object. */
import { statSync } from 'node:fs';
import { parse as parseToml, TomlError } from 'smol-toml';
import { Failure } from '../errors.js';
import { nearest } from '../nearest.js';
import { mayHaveLost, variableOctets } from './environment.js';
import { OPEN_TO_OTHERS, readTrusted } from './trusted-file.js';
import { SETTINGS, SETTING_NAMES, type Config, type Setting, type SettingName } from './schema.js';

export const DEFAULT_CONFIG_FILES = ['/etc/backuppc/backuppc-b2.toml', '/etc/backuppc-b2.toml'] as const;

export interface ConfigSources {
  /** From --config; must exist. Without it, the first of `DEFAULT_CONFIG_FILES` that exists. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values of the flags that were given, by setting. */
  readonly flags: Readonly<Partial<Record<SettingName, unknown>>>;
}

interface Source {
  readonly label: (name: SettingName) => string;
  readonly values: Readonly<Partial<Record<SettingName, unknown>>>;
}

/** @throws Failure `config` with every problem found: the first in the message, the others in the hint. */
export function readConfig(sources: ConfigSources): Config {
  const problems: string[] = [];
  const file = readConfigFile(sources, problems);
  const ordered: Source[] = [
    { label: (name) => `${name} in ${file.path ?? ''}`, values: file.values },
    { label: (name) => SETTINGS[name].env ?? name, values: fromEnvironment(sources.environment) },
    { label: (name) => SETTINGS[name].flag ?? name, values: sources.flags },
  ];

  const given = new Set<SettingName>();
  const config: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const row: Setting<unknown> = SETTINGS[name];
    config[name] = row.fallback;
    for (const { label, values } of ordered) {
      const raw = values[name];
      if (raw === undefined) continue;
      const parsed = row.kind.parse(raw);
      if (parsed.ok) {
        config[name] = parsed.value;
        given.add(name);
      } else {
        const shown = row.secret === true ? '' : ` ${JSON.stringify(raw)}`;
        problems.push(`${label(name)}:${shown} is not ${parsed.wanted}`);
      }
    }
  }
  // Every row has a value that its kind has checked.
  const whole: Config = Object.freeze({ ...(config as Pick<Config, SettingName>), given, file: file.path });
  if (problems.length === 0) problems.push(...contradictions(whole));
  const found = failureOf(problems);
  if (found !== undefined) throw new UnusableConfig(found, whole.on_failure);
  return whole;
}

/** The settings of one file as they are written there. @throws Failure `config`, also where they could not be used */
export function readSettings(file: string): Readonly<Partial<Record<SettingName, unknown>>> {
  readConfig({ file, environment: {}, flags: {} });
  return readConfigFile({ file, environment: {}, flags: {} }, []).values;
}

/** The configuration is unusable, but may still name the hook to call. */
export class UnusableConfig extends Failure {
  readonly onFailure: string | undefined;

  constructor({ message, hint }: Failure, onFailure: string | undefined) {
    super('config', message, hint === undefined ? {} : { hint });
    this.onFailure = onFailure;
  }
}

export function throwProblems(problems: readonly string[]): void {
  const found = failureOf(problems);
  if (found !== undefined) throw found;
}

function failureOf([first, ...others]: readonly string[]): Failure | undefined {
  if (first === undefined) return undefined;
  return new Failure('config', first, others.length === 0 ? {} : { hint: `also: ${others.join('; ')}` });
}

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.verbose && config.quiet) problems.push('--verbose and --quiet exclude each other');
  if (!isSafeEndpoint(config.endpoint)) {
    problems.push(
      `--endpoint: ${JSON.stringify(config.endpoint)} is not an https:// URL (http:// only to 127.0.0.1, ::1 or localhost)`,
    );
  }
  return problems;
}

function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
  );
}

/** The settings that the environment gives, raw: text, or octets of a secret that is not UTF-8. */
export function fromEnvironment(
  environment: ConfigSources['environment'],
): Partial<Record<SettingName, unknown>> {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const { env: key, secret } = SETTINGS[name] as Setting<unknown>;
    const text = key === undefined ? undefined : environment[key];
    if (key === undefined || text === undefined || text === '') continue;
    values[name] = secret === true && mayHaveLost(text) ? (variableOctets(key) ?? text) : text;
  }
  return values;
}

/** Settings of earlier versions, which are ignored: they must not stop a nightly archive. `retries` became `patience`. */
export const RETIRED_SETTINGS: ReadonlySet<string> = new Set(['retries']);

function readConfigFile(
  sources: ConfigSources,
  problems: string[],
): { path: string | undefined; values: Partial<Record<SettingName, unknown>> } {
  const named = sources.environment['BACKUPPC_B2_CONFIG'];
  // Empty is not given, as for every variable.
  const asked = sources.file ?? (named === '' ? undefined : named);
  const path =
    asked ??
    DEFAULT_CONFIG_FILES.find((candidate) => statSync(candidate, { throwIfNoEntry: false }) !== undefined);
  if (path === undefined) return { path: undefined, values: {} };
  let text: string;
  try {
    text = readTrusted(path, { what: 'configuration file', secret: false }).toString('utf8');
  } catch (error) {
    // Nothing in such a file can be trusted.
    if (!(error instanceof Failure) || error.hint !== undefined) throw error;
    problems.push(error.message);
    return { path, values: {} };
  }
  let table: Record<string, unknown>;
  try {
    table = parseToml(text);
  } catch (error) {
    problems.push(`${path}: ${tomlProblem(error)}`);
    return { path, values: failureHookIn(text) };
  }
  const values: Partial<Record<SettingName, unknown>> = {};
  let holdsSecret = false;
  for (const [key, raw] of Object.entries(table)) {
    if (RETIRED_SETTINGS.has(key)) continue;
    if (!Object.hasOwn(SETTINGS, key)) {
      const near = nearest(key, SETTING_NAMES);
      problems.push(`${key} in ${path} is not a setting${near === undefined ? '' : `; ${near}?`}`);
      continue;
    }
    const name = key as SettingName;
    values[name] = raw;
    holdsSecret ||= (SETTINGS[name] as Setting<unknown>).secret === true;
  }
  const mode = statSync(path).mode;
  if (holdsSecret && (mode & OPEN_TO_OTHERS) !== 0)
    problems.push(`${path} holds a secret and others can read it: chmod 640 ${path}`);
  return { path, values };
}

/** More broken lines than anybody leaves in a file. */
const MOST_BROKEN_LINES = 20;

/** The one setting that still serves where the file is no TOML: the file without the lines that are not. */
function failureHookIn(text: string): Partial<Record<SettingName, unknown>> {
  const lines = text.split('\n');
  for (let left = MOST_BROKEN_LINES; left > 0; left--) {
    try {
      const { on_failure: hook } = parseToml(lines.join('\n'));
      return hook === undefined ? {} : { on_failure: hook };
    } catch (error) {
      if (!(error instanceof TomlError)) return {};
      lines[error.line - 1] = '';
    }
  }
  return {};
}

/** Names the line without showing it, because it may hold a secret. */
function tomlProblem(error: unknown): string {
  const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  return error instanceof TomlError ? `line ${error.line}, column ${error.column}: ${reason}` : reason;
}
