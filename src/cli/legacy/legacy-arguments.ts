/**
 * The command line of the older scripts' `backup-manager`, in any order: options before or behind the one command, as Python's
 * optparse and argparse take them. Pure.
 */
import { Failure } from '../../errors.js';

export interface LegacyCommand {
  readonly command: 'list' | 'delete' | 'script';
  readonly host: string | undefined;
  readonly number: number | undefined;
  readonly ageDays: number | undefined;
  readonly keep: number;
  readonly filename: string | undefined;
  readonly expireSeconds: number;
  readonly test: boolean;
  readonly unfinalized: boolean;
  readonly startBackups: boolean;
  /** List after the command. */
  readonly list: boolean;
  readonly help: boolean;
  /** Options of this program that may be given besides: `--config FILE`. */
  readonly config: string | undefined;
}

const OPTIONS = {
  host: { short: 'H', takesValue: true },
  'backup-number': { short: 'b', takesValue: true },
  age: { short: 'a', takesValue: true },
  keep: { short: 'k', takesValue: true },
  filename: { short: 'f', takesValue: true },
  expire: { short: 'x', takesValue: true },
  config: { short: undefined, takesValue: true },
  test: { short: 't', takesValue: false },
  unfinalized: { short: 'u', takesValue: false },
  'start-backups': { short: 's', takesValue: false },
  list: { short: 'l', takesValue: false },
  help: { short: 'h', takesValue: false },
} as const;

type OptionName = keyof typeof OPTIONS;
const NAMES = Object.keys(OPTIONS) as OptionName[];

export const LEGACY_USAGE = `Usage: backup-manager [options] [list|delete|script]

The command line of the older Python scripts. 'backuppc-b2 --help' shows all there is today.

  list                      list the archives in B2 (the default command)
  delete                    delete old archives; asks nothing
  script                    write a restore script

  -H, --host HOST           name of the backed-up host
  -b, --backup-number N     number of the backup
  -a, --age DAYS            delete archives older than DAYS
  -k, --keep N              with --age: always keep so many finished archives of each host (default 1)
  -f, --filename FILE       write the script to FILE
  -x, --expire SECONDS      how long the script works (default 86400, at most 604800)
  -t, --test                delete: only show what would go
  -u, --unfinalized         script: take an archive that is not finished
  -s, --start-backups       with delete --age: start an archive of the host that needs it most
  -l, --list                list the archives afterwards
      --config FILE         configuration file
  -h, --help                this text
`;

/** @throws Failure `usage`, as the older scripts refused */
export function parseLegacy(words: readonly string[]): LegacyCommand {
  const values: Partial<Record<OptionName, string>> = {};
  const commands: string[] = [];
  const queue = [...words];
  const valueOf = (name: OptionName, shown: string, attached: string | undefined): void => {
    const value = attached ?? queue.shift();
    if (value === undefined) throw new Failure('usage', `${shown} needs a value`);
    values[name] = value;
  };
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      commands.push(...queue.splice(0));
    } else if (word.startsWith('--')) {
      const [given = '', ...rest] = word.slice(2).split('=');
      const name = fullName(given);
      const attached = word.includes('=') ? rest.join('=') : undefined;
      if (OPTIONS[name].takesValue) valueOf(name, `--${name}`, attached);
      else if (attached !== undefined) throw new Failure('usage', `--${name} takes no value`);
      else values[name] = '';
    } else if (word.startsWith('-') && word !== '-') {
      readCluster(word, values, valueOf);
    } else {
      commands.push(word);
    }
  }
  return check(commands, values);
}

/** `-ts`, `-Hgandalf`, `-k2`. */
function readCluster(
  word: string,
  values: Partial<Record<OptionName, string>>,
  valueOf: (name: OptionName, shown: string, attached: string | undefined) => void,
): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at];
    const name = NAMES.find((candidate) => OPTIONS[candidate].short === letter);
    if (name === undefined) throw new Failure('usage', `no such option: -${letter ?? ''}`);
    if (OPTIONS[name].takesValue) {
      const attached = word.slice(at + 1);
      valueOf(name, `-${letter ?? ''}`, attached === '' ? undefined : attached);
      return;
    }
    values[name] = '';
  }
}

/** Options may be shortened as long as only one fits. */
function fullName(given: string): OptionName {
  const exact = NAMES.find((name) => name === given);
  if (exact !== undefined) return exact;
  const fitting = NAMES.filter((name) => given !== '' && name.startsWith(given));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  throw new Failure(
    'usage',
    fitting.length === 0
      ? `no such option: --${given}`
      : `--${given} fits ${fitting.map((name) => `--${name}`).join(', ')}`,
  );
}

function check(commands: readonly string[], values: Partial<Record<OptionName, string>>): LegacyCommand {
  const [command = 'list', ...others] = commands;
  if (others.length > 0) throw new Failure('usage', `too many arguments: ${commands.join(' ')}`);
  if (command !== 'list' && command !== 'delete' && command !== 'script')
    throw new Failure('usage', `no such command: ${command}`);
  const has = (name: OptionName): boolean => values[name] !== undefined;
  const help = has('help');
  const require = (condition: boolean, message: string): void => {
    if (!condition && !help) throw new Failure('usage', message);
  };
  require(!has('backup-number') || has('host'), '--backup-number needs --host');
  require(!has('age') || command === 'delete', '--age only makes sense with delete');
  require(!has('start-backups') ||
    (command === 'delete' && has('age')), '--start-backups only makes sense with delete and --age');
  require(!(has('expire') || has('filename')) ||
    command === 'script', '--expire and --filename only make sense with script');
  require(command !== 'script' || has('host'), 'script needs --host');
  require(command !== 'delete' ||
    has('age') ||
    has('backup-number'), 'delete needs --age, or --host and --backup-number');
  require(command !== 'delete' ||
    !has('age') ||
    !has('backup-number'), '--age does not go with --backup-number');
  return {
    command,
    host: values.host,
    number: whole(values['backup-number'], '--backup-number'),
    ageDays: decimal(values.age, '--age'),
    keep: whole(values.keep, '--keep') ?? 1,
    filename: values.filename,
    expireSeconds: whole(values.expire, '--expire') ?? 86_400,
    test: has('test'),
    unfinalized: has('unfinalized'),
    startBackups: has('start-backups'),
    list: has('list'),
    help,
    config: values.config,
  };
}

function whole(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new Failure('usage', `${option} ${text}: not a whole number`);
  return Number(text);
}

function decimal(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Failure('usage', `${option} ${text}: not a number of days`);
  return Number(text);
}
