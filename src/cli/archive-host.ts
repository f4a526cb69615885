/** `BackupPC_archiveHost_b2 [options] tarCreatePath splitPath parPath host bkupNum compPath fileExt splitSize outLoc parFile share` */
import { accessSync, constants, statSync } from 'node:fs';
import { Command } from 'commander';
import { ARGUMENT_NAMES, backupNumber, parseArguments } from '../backuppc/arguments.js';
import type { Argument } from '../backuppc/octets.js';
import { openTarCreate } from '../backuppc/source.js';
import { Failure } from '../errors.js';
import { VERSION } from '../version.js';
import { archiveCommand } from './run/archive-job.js';
import type { Learned } from './run/notices.js';
import { ownArguments } from './run/own-arguments.js';
import { addConfigOptions } from './config-options.js';
import { learningHook } from './run/learning-hook.js';
import { commanderFailures } from './commander-failures.js';

const EXAMPLES = `
Examples (one line each, in BackupPC's configuration of the archive host):
  $Conf{ArchiveClientCmd} = '/usr/local/bin/BackupPC_archiveHost_b2'
    . ' $tarCreatePath $splitpath $parpath $host $backupnumber'
    . ' $compression $compext $splitsize $archiveloc $parfile *';
  the same with a limit and a codec that BackupPC's page does not offer:
    BackupPC_archiveHost_b2 --bwlimit 8Mbit --compress zstd:3 $tarCreatePath …

Exit status: 0 the archive is whole in B2; anything else: it is not, and the last line says why.`;

function archiveHostProgram(): Command {
  const program = new Command('BackupPC_archiveHost_b2')
    .description(
      'Archive one backup of one host from BackupPC to Backblaze B2: compressed, encrypted, streamed.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .usage(`[options] ${ARGUMENT_NAMES.join(' ')}`)
    // BackupPC's arguments are never options, whatever was typed into its page.
    .passThroughOptions()
    .argument('[ARGUMENTS...]', "the eleven arguments of BackupPC's own BackupPC_archiveHost")
    .addHelpText('after', EXAMPLES);
  return addConfigOptions(program, ['b2', 'encryption', 'machine', 'line', 'archive', 'reports', 'backuppc']);
}

/**
 * @param takeOver called once the archive itself handles signals
 * @returns exit status
 */
export async function archiveHostMain(words: readonly string[], takeOver?: () => void): Promise<number> {
  const program = archiveHostProgram();
  return archiveCommand(async (learned) => {
    const parsed = await commanderFailures(program, () => program.parseAsync(words, { from: 'user' })).catch(
      (error: unknown) => {
        // The file may still say whom to tell.
        learnHook(program, learned);
        throw error;
      },
    );
    if (parsed === 'help') {
      if (words.length >= ARGUMENT_NAMES.length) throw nothingArchived();
      return 'help';
    }
    const given = ownArguments(program.args);
    Object.assign(learned, namedIn(given));
    const config = learningHook(program.opts(), learned);
    const positionals = parseArguments(given, {
      isExecutable,
      splitSize: config.split_size,
    });
    const { tarCreatePath, host, number, share, shareArgument, remarks } = positionals;
    return {
      config,
      host,
      number,
      share,
      compPath: positionals.compPath,
      compExt: positionals.extension,
      splitSize: positionals.splitSize,
      stateDirectory: config.state_dir ?? positionals.outLoc,
      readableAgain: true,
      ofBackupPc: true,
      remarks,
      openSource: (emit) => openTarCreate({ tarCreatePath, host, number, share: shareArgument }, emit),
    };
  }, takeOver);
}

function learnHook(program: Command, learned: Learned): void {
  try {
    learningHook(program.opts(), learned);
  } catch {
    // What is told is why the command line will not do.
  }
}

/** Which archive it was to be, before anything is checked. */
function namedIn(given: readonly Argument[]): Pick<Learned, 'host' | 'number'> {
  if (given.length !== ARGUMENT_NAMES.length) return {};
  const [host, number] = [given[3], given[4]].map((argument) => Buffer.from(argument ?? '').toString());
  return { host, number: backupNumber(number ?? '') };
}

/** Because BackupPC takes status 0 for a successful archive. */
function nothingArchived(): Failure {
  return new Failure('usage', 'nothing was archived: the options ask for help or the version', {
    hint: 'take --help and --version out of $Conf{ArchiveClientCmd}',
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
