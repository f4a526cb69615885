/** `backuppc-b2 archive`: archives from the shell. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { backupNumber, hostProblem } from '../backuppc/arguments.js';
import { openCommand, openStdin } from '../backuppc/source.js';
import { Failure } from '../errors.js';
import { addConfigOptions } from './config-options.js';
import type { ArchiveOrder } from './run/archive-job.js';
import type { Learned } from './run/notices.js';
import { learningHook } from './run/learning-hook.js';
import { ownArguments } from './run/own-arguments.js';
import { withExamples } from './help.js';

const EXAMPLES = `
  backuppc-b2 archive --host web --number 12 --compress zstd -- tar -C /srv/web -cf - .
  backuppc-b2 archive --host web --number 12 --bwlimit 8Mbit -- sudo -u backuppc \\
      /usr/share/backuppc/bin/BackupPC_tarCreate -t -h web -n 12 -s '*' .
  pg_dumpall | backuppc-b2 archive --host db --number 3 -

The first form is the safer one: the archive is finished only if the command exits 0. Of what writes to a pipe nobody learns
whether it came to a good end, so half a dump would count as whole.`;

interface ArchiveFlags {
  readonly host: string;
  readonly number: string;
}

/** @param run gets what reads the command line and says what to archive. That throws Failure `usage` and `config` */
export function registerArchive(
  program: Command,
  run: (prepare: (learned: Learned) => ArchiveOrder) => Promise<void>,
): Command {
  const command = program
    .command('archive')
    .description('archive what a command writes (a tar, or anything else), or standard input')
    .requiredOption('--host <HOST>', 'name of the archive: the host')
    .requiredOption('--number <N>', 'number of the archive: the backup')
    .argument('<COMMAND...>', 'after --: the command and its arguments; or - for standard input');
  withExamples(command, EXAMPLES);
  addConfigOptions(command, ['b2', 'encryption', 'machine', 'line', 'archive', 'reports', 'backuppc']);
  command.action(async (words: string[], flags: ArchiveFlags) => {
    await run((learned) => archiveOrder(words, flags, command.optsWithGlobals(), learned));
  });
  return command;
}

/** @throws Failure `usage` */
function archiveOrder(
  words: readonly string[],
  flags: ArchiveFlags,
  options: Readonly<Record<string, unknown>>,
  learned: Learned,
): ArchiveOrder {
  Object.assign(learned, { host: flags.host, number: backupNumber(flags.number) });
  const config = learningHook(options, learned);
  const problem = hostProblem(flags.host);
  if (problem !== undefined) throw new Failure('usage', `--host ${JSON.stringify(flags.host)} ${problem}`);
  const number = backupNumber(flags.number);
  if (number === undefined)
    throw new Failure('usage', `--number ${JSON.stringify(flags.number)} is not a number`);
  const [program, ...args] = words;
  if (program === undefined)
    throw new Failure('usage', 'nothing to archive: give a command after --, or - for standard input');
  const octets = ownArguments(words);
  const fromStdin = program === '-' && args.length === 0;
  return {
    config,
    host: flags.host,
    number,
    share: '*',
    compPath: '',
    compExt: '',
    splitSize: config.split_size ?? 0,
    stateDirectory: config.state_dir ?? defaultStateDirectory(),
    readableAgain: !fromStdin,
    ofBackupPc: false,
    remarks: [],
    openSource: fromStdin
      ? () => Promise.resolve(openStdin())
      : (emit) => openCommand([program, ...octets.slice(1)], emit),
  };
}

export const ROOT_STATE_DIRECTORY = '/var/lib/backuppc-b2';
/** Below the home directory (XDG base directories). */
export const USER_STATE_DIRECTORY = '.local/state/backuppc-b2';

/** For root a system directory, for others one in their home. */
export function defaultStateDirectory(): string {
  if (process.getuid?.() === 0) return ROOT_STATE_DIRECTORY;
  const own = process.env['XDG_STATE_HOME'];
  return own === undefined ? join(homedir(), USER_STATE_DIRECTORY) : join(own, 'backuppc-b2');
}
