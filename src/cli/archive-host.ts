/** `BackupPC_archiveHost_b2 [options] tarCreatePath splitPath parPath host bkupNum compPath fileExt splitSize outLoc parFile share` */
import { accessSync, constants, statSync } from 'node:fs';
import { Command } from 'commander';
import { ARGUMENT_NAMES, parseArguments } from '../backuppc/arguments.js';
import { openTarCreate } from '../backuppc/source.js';
import { UnusableConfig } from '../config/read-config.js';
import type { Config } from '../config/schema.js';
import { Failure } from '../errors.js';
import { VERSION } from '../version.js';
import { archiveCommand, type Learned } from './run/archive-job.js';
import { ownArguments } from './run/own-arguments.js';
import { addConfigOptions, configFrom } from './config-options.js';
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
    const parsed = await commanderFailures(program, () => program.parseAsync(words, { from: 'user' }));
    if (parsed === 'help') {
      if (words.length >= ARGUMENT_NAMES.length) throw nothingArchived();
      return 'help';
    }
    const config = toldConfig(program, learned);
    const positionals = parseArguments(ownArguments(program.args), {
      isExecutable,
      splitSize: config.split_size,
    });
    Object.assign(learned, { host: positionals.host, number: positionals.number });
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

/** Learns the failure hook even if the rest of the configuration is unusable. @throws Failure `config` */
function toldConfig(program: Command, learned: Learned): Config {
  const { onFailure } = program.opts<{ onFailure?: string }>();
  learned.onFailure = onFailure;
  try {
    const config = configFrom(program.opts());
    learned.onFailure = config.on_failure;
    return config;
  } catch (error) {
    if (error instanceof UnusableConfig) learned.onFailure ??= error.onFailure;
    throw error;
  }
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
