/** `backuppc-b2 setup`: asks for missing settings, tests the key, writes the configuration, and shows how to configure BackupPC. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, lstat, realpath, rm, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { accountFacts, type AccountFacts } from '../../b2/account-facts.js';
import { parseLimitSpec } from '../../bandwidth/limit.js';
import { codecOf } from '../../compression/codec-choice.js';
import { canCompress, installed } from '../../compression/quickest.js';
import { DEFAULT_CONFIG_FILES, readSettings } from '../../config/read-config.js';
import { replaceFile, type FileOwner } from '../../replace-file.js';
import type { Config } from '../../config/schema.js';
import { readApplicationKey, readKeyFiles, readPassphrases } from '../../config/secrets.js';
import { EXIT_STATUS, Failure } from '../../errors.js';
import { PROGRAM_DIRECTORY } from '../../files.js';
import { keyThread } from '../../sealing/key-thread.js';
import { settingsText, type RawSettings } from '../../config/settings-text.js';
import { PROGRAM } from '../../version.js';
import type { ExitStatus, Output } from '../context.js';
import { findingLine } from '../doctor/doctor.js';
import { tellRetries } from '../open-context.js';
import { systemAccount, type SystemAccount } from './account.js';
import { checkBucket, checked, checkKey } from './answers.js';
import { pasteText } from './backuppc-text.js';
import { checkWritable, has, texts, unasked, withEffort } from './given.js';
import { interview, type Interviewed } from './interview.js';
import { exists, newPassphrase, placeDirectory, placeFile, placeNewFile, secretOwner } from './place.js';
import { terminalPrompts, type Prompts } from './prompts.js';

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

interface SetupTools {
  readonly out: Output;
  readonly prompts: Prompts;
  readonly options: SetupOptions;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Stopped before the files are written, it has changed nothing; they are written without a stop between them. */
export async function setup(out: Output, options: SetupOptions): Promise<ExitStatus> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    stop.abort(new Failure('interrupted', `stopped by ${signal}`));
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const { signal } = stop;
    await setUp({ out, options, signal, prompts: terminalPrompts(signal) });
    return EXIT_STATUS.ok;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function setUp(tools: SetupTools): Promise<void> {
  const { out, options, signal } = tools;
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

  const { settings, config, passphrase } = await answers(tools, file);
  const made = await placePassphrases(config, owner, passphrase);
  await placeDirectory(config.state_dir ?? STATE_DIRECTORY, account);
  await placeFile(file, settingsText(settings, options.date), owner);
  out.note(`${file} was written: ${account.user} can read it, others cannot.`);
  for (const path of made) {
    out.note(
      `${path} was made, with ${passphrase === undefined ? 'a new' : 'your'} passphrase. Without it nobody can read the archives:`,
    );
    out.note(`keep a copy in another place (cat ${path}).`);
  }

  await recordNode(PROGRAM_DIRECTORY);
  const usual = DEFAULT_CONFIG_FILES.some((path) => path === file);
  const words = ['--config', file, '--archive-host', options.archiveHost];
  const program = join(PROGRAM_DIRECTORY, 'backuppc-b2');
  const status = options.check ? await doctorAs(account, { asRoot, program, words, signal }) : 0;
  if (signal.aborted)
    throw new Failure('interrupted', `stopped: ${file} was written, but not tried to its end`, {
      hint: 'run: backuppc-b2 doctor',
    });
  const launcher = await lastingPath(DOOR);
  out.write(
    `\n${pasteText({
      archiveHost: options.archiveHost,
      user: account.user,
      group: account.group,
      configDirectory: config.backuppc_config,
      dataDirectory: config.backuppc_data,
      binDirectory: options.binDirectory,
      launcher: await linkDoor(out, launcher, options.binDirectory),
      program: await lastingPath('backuppc-b2'),
      configFile: usual ? undefined : file,
      stateDirectory: config.state_dir ?? STATE_DIRECTORY,
    })}`,
  );
  if (status !== 0)
    throw new Failure('config', `${file} was written, but doctor found problems`, {
      hint: 'fix what it reports above, then run: backuppc-b2 doctor',
    });
}

/** The configuration that is there. Without a terminal, or with --force, its values are not taken over. */
async function formerSettings(tools: SetupTools, file: string): Promise<RawSettings> {
  const { out, prompts, options } = tools;
  if (options.force || !(await exists(file))) return {};
  if (!out.interactive)
    throw new Failure('config', `${file} already exists`, {
      hint: `--force replaces it, and keeps it as ${file}.old`,
    });
  const former = await checked(() => readSettings(file));
  if (!former.ok) prompts.refuse(`${file} cannot be taken over: ${former.reason}`);
  const question = former.ok ? `${file} is there. Go through it?` : 'Replace it?';
  if (!(await prompts.yes(`${question} (It stays as ${file}.old)`, former.ok)))
    throw new Failure('interrupted', 'nothing was changed');
  return former.ok ? former.value : {};
}

/** Asks where somebody can be asked. @throws Failure if an archive could not work; nothing has been written yet */
async function answers(tools: SetupTools, file: string): Promise<Interviewed & { config: Config }> {
  const { out, prompts, options, signal } = tools;
  const passphraseFile = join(dirname(file), 'backuppc-b2.passphrase');
  const keyIds = async (paths: readonly string[]): Promise<string[]> =>
    paths.length === 0 ? [] : await keyThread.checkRecipients(await readKeyFiles(paths), Date.now());
  const login = options.check ? (config: Config) => logIn(config, signal) : undefined;
  const former = await formerSettings(tools, file);
  const given: RawSettings = { state_dir: former.state_dir ?? STATE_DIRECTORY, ...options.given };
  // What is given is not asked for again: it is judged first.
  checkSettings(given, options.configOf(given));
  await keyIds(texts(given.recipient));
  const asked = out.interactive
    ? await interview(
        { prompts, configOf: options.configOf, login, keyIds },
        { given, former, file, passphraseFile },
      )
    : { settings: unasked(given, passphraseFile), account: undefined, passphrase: undefined };
  const reuses = (some: RawSettings): boolean => has(some, ['reuse']) && options.configOf(some).reuse;
  const reuseIsNew = reuses(asked.settings) && !reuses(former);
  // Where BackupPC asks for neither gzip nor zstd, it will be zstd.
  const settings = withEffort(asked.settings, reuseIsNew, canCompress('zstd', installed));
  const config = options.configOf(settings);
  checkSettings(settings, config);
  const account = asked.account ?? (await login?.(config));
  if (account !== undefined) mayArchive(account, config, out);
  signal.throwIfAborted();
  return { ...asked, settings, config };
}

function checkSettings(settings: RawSettings, config: Config): void {
  checkWritable(settings);
  parseLimitSpec(config.bwlimit);
  if (config.compress !== undefined) codecOf({ compPath: '', compExt: '', override: config.compress });
}

async function logIn(config: Config, signal: AbortSignal): Promise<AccountFacts> {
  const { keyId, key } = await readApplicationKey(config);
  return await accountFacts({
    endpoint: config.endpoint,
    keyId,
    key: key.reveal(),
    userAgent: PROGRAM,
    signal,
    emit: tellRetries,
  });
}

/** On a terminal doctor, which follows, is soon enough to tell what does not stand in the way. */
function mayArchive(account: AccountFacts, config: Config, out: Output): void {
  const judged = [checkKey(account, config), checkBucket(account, config)];
  for (const one of judged) {
    if (!one.ok) out.note(one.reason);
    else if (!out.interactive) for (const finding of one.value) out.note(findingLine(finding).trimEnd());
  }
  if (judged.some(({ ok }) => !ok))
    throw new Failure('config', 'nothing was written: the key or the bucket cannot be used', {
      hint: 'see the lines above; --no-check writes the configuration anyway',
    });
}

/** @param typed of the person; undefined: a random one. @returns the files that were created */
async function placePassphrases(
  config: Config,
  owner: FileOwner,
  typed: string | undefined,
): Promise<string[]> {
  const made: string[] = [];
  for (const path of config.passphrase_file) {
    if (typed === undefined && (await exists(path))) continue;
    await placeNewFile(path, `${typed ?? newPassphrase()}\n`, owner);
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

/** Where PATH has this program under that name, because that path survives updates; else its own. */
async function lastingPath(name: string): Promise<string> {
  const ours = await realpath(join(PROGRAM_DIRECTORY, name));
  for (const directory of ['/usr/local/bin', ...(process.env['PATH'] ?? '').split(':')]) {
    const candidate = join(directory, name);
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

interface DoctorRun {
  readonly asRoot: boolean;
  readonly program: string;
  readonly words: readonly string[];
  readonly signal: AbortSignal;
}

/** Runs doctor as BackupPC's user, with its environment. @returns its exit status */
async function doctorAs(
  account: SystemAccount,
  { asRoot, program, words, signal }: DoctorRun,
): Promise<number> {
  const child = spawn(program, ['doctor', ...words], {
    cwd: '/',
    env: { PATH: BACKUPPC_PATH, LANG: process.env['LANG'] },
    stdio: ['ignore', process.stderr, process.stderr],
    ...(asRoot ? { uid: account.uid, gid: account.gid } : {}),
  });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  return new Promise<number>((settle, reject) => {
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
  }).finally(() => {
    signal.removeEventListener('abort', stop);
  });
}
