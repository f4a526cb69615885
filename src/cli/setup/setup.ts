/** `backuppc-b2 setup`: asks for missing settings, tests the key, writes the configuration, and shows how to configure BackupPC. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, lstat, realpath, rm, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { accountFacts } from '../../b2/account-facts.js';
import { parseLimitSpec } from '../../bandwidth/limit.js';
import { codecOf } from '../../compression/codec-choice.js';
import { DEFAULT_CONFIG_FILES } from '../../config/read-config.js';
import { replaceFile, type FileOwner } from '../../replace-file.js';
import { SETTINGS, SETTING_NAMES, type Config, type Setting, type SettingName } from '../../config/schema.js';
import { readApplicationKey, readPassphrases } from '../../config/secrets.js';
import { EXIT_STATUS, Failure } from '../../errors.js';
import { PROGRAM_DIRECTORY } from '../../files.js';
import { systemAccount, type SystemAccount } from './account.js';
import { pasteText } from './backuppc-text.js';
import { exists, newPassphrase, placeDirectory, placeFile, placeNewFile, secretOwner } from './place.js';
import { settingsText, type RawSettings } from '../../config/settings-text.js';
import { PROGRAM } from '../../version.js';
import type { ExitStatus, Output } from '../context.js';
import { findingLine, type Finding } from '../doctor/doctor.js';
import { judgeBuckets, judgeKey } from '../doctor/doctor-rules.js';
import { bucketPattern } from '../open-context.js';

export interface SetupOptions {
  /** Settings from flags and environment. */
  readonly given: RawSettings;
  /** The same with the answers, checked. */
  readonly configOf: (settings: RawSettings) => Config;
  readonly file: string | undefined;
  readonly user: string | undefined;
  readonly archiveHost: string;
  /** BackupPC's programs. The entry point is linked into this directory if it exists and is writable. */
  readonly binDirectory: string;
  /** Log in before anything is written, and run doctor afterwards. */
  readonly check: boolean;
  readonly force: boolean;
  /** As in 2026-11-23. */
  readonly date: string;
}

const DOOR = 'BackupPC_archiveHost_b2';
const STATE_DIRECTORY = '/var/lib/backuppc-b2';
/** The environment in which BackupPC runs its programs. */
const BACKUPPC_PATH = '/bin:/usr/bin';

export async function setup(out: Output, options: SetupOptions): Promise<ExitStatus> {
  const asRoot = process.getuid?.() === 0;
  const account = await systemAccount(options.user ?? (asRoot ? 'backuppc' : (process.getuid?.() ?? 0)));
  const owner = secretOwner(account, asRoot);
  const file = resolve(options.file ?? DEFAULT_CONFIG_FILES[0]);
  const directory = dirname(file);
  await access(directory, constants.W_OK).catch((cause: unknown) => {
    throw new Failure('config', `${directory} does not exist, or is not writable`, {
      hint: 'run it as root, or give --config FILE',
      cause,
    });
  });
  await mayReplace(out, file, options.force);

  const settings = await complete(out, options.given, join(directory, 'backuppc-b2.passphrase'));
  const config = options.configOf(settings);
  parseLimitSpec(config.bwlimit);
  if (config.compress !== undefined) codecOf({ compPath: '', compExt: '', override: config.compress });
  if (options.check) await tryKey(out, config);
  const made = await placePassphrases(config, owner);
  await placeDirectory(config.state_dir ?? STATE_DIRECTORY, account);
  await placeFile(file, settingsText(settings, options.date), owner);
  out.note(`${file} was written: ${account.user} can read it, others cannot.`);
  for (const path of made) {
    out.note(`${path} was made, with a new passphrase. Without it nobody can read the archives:`);
    out.note(`keep a copy in another place (cat ${path}).`);
  }

  await recordNode(PROGRAM_DIRECTORY);
  const usual = DEFAULT_CONFIG_FILES.some((path) => path === file);
  const status = options.check
    ? await doctorAs(account, asRoot, join(PROGRAM_DIRECTORY, 'backuppc-b2'), [
        ...['--config', file],
        ...['--archive-host', options.archiveHost],
      ])
    : 0;
  const launcher = await launcherPath(PROGRAM_DIRECTORY);
  out.write(
    `\n${pasteText({
      archiveHost: options.archiveHost,
      user: account.user,
      group: account.group,
      configDirectory: config.backuppc_config,
      dataDirectory: config.backuppc_data,
      launcher: await linkDoor(out, launcher, options.binDirectory),
      program: join(dirname(launcher), 'backuppc-b2'),
      configFile: usual ? undefined : file,
      stateDirectory: config.state_dir ?? STATE_DIRECTORY,
    })}`,
  );
  if (status !== 0)
    throw new Failure('config', `${file} was written, but doctor found problems`, {
      hint: 'fix what it reports above, then run: backuppc-b2 doctor',
    });
  return EXIT_STATUS.ok;
}

async function mayReplace(out: Output, file: string, force: boolean): Promise<void> {
  if (force || !(await exists(file))) return;
  if (!out.interactive)
    throw new Failure('config', `${file} already exists`, {
      hint: `--force replaces it, and keeps it as ${file}.old`,
    });
  const answer = await out.ask(`${file} already exists. Replace it, and keep it as ${file}.old? [n] `);
  if (!/^y/i.test(answer.trim())) throw new Failure('interrupted', 'nothing was changed');
}

/** Asks for what is missing. @throws Failure `usage` if there is nobody to ask */
async function complete(out: Output, given: RawSettings, passphraseFile: string): Promise<RawSettings> {
  const settings: Partial<Record<SettingName, unknown>> = { state_dir: STATE_DIRECTORY, ...given };
  const has = (...names: readonly SettingName[]): boolean =>
    names.some((name) => settings[name] !== undefined);
  const missing: string[] = [];
  const need = async (name: SettingName, question: string, otherwise: string): Promise<void> => {
    if (!out.interactive) {
      missing.push(otherwise);
      return;
    }
    const secret = (SETTINGS[name] as Setting<unknown>).secret === true;
    for (;;) {
      const answer = (await (secret ? out.askSecret(`${question}: `) : out.ask(`${question}: `))).trim();
      if (answer !== '') {
        settings[name] = answer;
        return;
      }
    }
  };
  if (!has('key_id')) await need('key_id', 'Application key ID', '--key-id (or B2_APPLICATION_KEY_ID)');
  if (!has('application_key', 'application_key_file', 'application_key_command'))
    await need(
      'application_key',
      'Application key (not shown)',
      'B2_APPLICATION_KEY or --application-key-file',
    );
  if (!has('bucket')) await need('bucket', 'Bucket', '--bucket');
  if (missing.length > 0)
    throw new Failure('usage', `setup needs ${missing.join(', ')}, and there is no terminal to ask on`);
  if (!has('passphrase', 'passphrase_file', 'passphrase_command', 'recipient')) {
    const asked = out.interactive
      ? await out.ask(`Passphrase file (created if missing) [${passphraseFile}]: `)
      : '';
    settings.passphrase_file = [asked.trim() === '' ? passphraseFile : asked.trim()];
  }
  if (!has('bwlimit', 'bwlimit_file') && out.interactive) {
    const limit = (await out.ask('Upload limit, such as 8Mbit, auto, or a timetable [none]: ')).trim();
    if (limit !== '') settings.bwlimit = limit;
  }
  if (!has('reuse') && out.interactive) {
    const answer = await out.ask('Send only what changed since the last archive of a host [Y/n]: ');
    settings.reuse = !/^\s*n/i.test(answer);
  }
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
  return settings;
}

/** @throws Failure if an archive could not work; nothing has been written yet */
async function tryKey(out: Output, config: Config): Promise<void> {
  const { keyId, key } = await readApplicationKey(config);
  const { endpoint, prefix } = config;
  const facts = await accountFacts({ endpoint, keyId, key: key.reveal(), userAgent: PROGRAM });
  const pattern = bucketPattern(config.bucket ?? '', facts.accountId);
  const buckets = facts.buckets?.filter(({ name }) => pattern.test(name));
  const findings: Finding[] = judgeKey(facts, prefix, config.lock_days);
  const mayBeMade = config.create_bucket || (config.bucket ?? '').includes('{host}');
  if (buckets !== undefined && !(mayBeMade && buckets.length === 0))
    findings.push(...judgeBuckets(buckets, config));
  for (const finding of findings) out.note(findingLine(finding).trimEnd());
  if (findings.some(({ level }) => level === 'failure'))
    throw new Failure('config', 'nothing was written: the key or the bucket cannot be used', {
      hint: 'see the lines above; --no-check writes the configuration anyway',
    });
}

/** @returns the files that were created */
async function placePassphrases(config: Config, owner: FileOwner): Promise<string[]> {
  const made: string[] = [];
  for (const path of config.passphrase_file) {
    if (await exists(path)) continue;
    await placeNewFile(path, `${newPassphrase()}\n`, owner);
    made.push(path);
  }
  await readPassphrases(config);
  return made;
}

/** Records where Node is, because BackupPC's PATH is short. */
async function recordNode(programs: string): Promise<void> {
  // Not writable if another user installed the program; then doctor, run as BackupPC's user, tells whether Node is found.
  await replaceFile(join(programs, 'node-path'), `${process.execPath}\n`, { mode: 0o644 }).catch(
    () => undefined,
  );
}

/** The launcher in PATH if it is this program, because that path survives updates. */
async function launcherPath(programs: string): Promise<string> {
  const ours = await realpath(join(programs, DOOR));
  for (const directory of ['/usr/local/bin', ...(process.env['PATH'] ?? '').split(':')]) {
    const candidate = join(directory, DOOR);
    if (isAbsolute(candidate) && (await realpath(candidate).catch(() => '')) === ours) return candidate;
  }
  return ours;
}

/** Beside BackupPC's own `BackupPC_archiveHost`. @returns the path for BackupPC's configuration */
async function linkDoor(out: Output, launcher: string, directory: string): Promise<string> {
  const door = join(directory, DOOR);
  try {
    await access(directory, constants.W_OK);
    const there = await lstat(door).catch(() => undefined);
    // A file of that name is not ours.
    if (there !== undefined && !there.isSymbolicLink()) return launcher;
    // A package installed it.
    if ((await realpath(door).catch(() => '')) === (await realpath(launcher))) return door;
    if (there !== undefined) await rm(door);
    await symlink(launcher, door);
  } catch {
    return launcher;
  }
  out.note(`${door} -> ${launcher}`);
  return door;
}

/** Runs doctor as BackupPC's user, with its environment. @returns its exit status */
async function doctorAs(
  account: SystemAccount,
  asRoot: boolean,
  program: string,
  words: readonly string[],
): Promise<number> {
  const child = spawn(program, ['doctor', ...words], {
    cwd: '/',
    env: { PATH: BACKUPPC_PATH, LANG: process.env['LANG'] },
    stdio: ['ignore', process.stderr, process.stderr],
    ...(asRoot ? { uid: account.uid, gid: account.gid } : {}),
  });
  return new Promise((settle, reject) => {
    child.once('error', (cause) => {
      reject(
        new Failure('config', `user ${account.user} cannot run ${program}: ${cause.message}`, {
          hint: 'install the program where that user may go',
          cause,
        }),
      );
    });
    child.once('close', (code) => {
      settle(code ?? 1);
    });
  });
}
