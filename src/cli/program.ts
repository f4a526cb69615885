/** The command tree of `backuppc-b2`. Each command's options are in `commands/`, or beside the command if that has a directory. */
import { Command } from 'commander';
import { ARCHIVE_HOST } from '../backuppc/defaults.js';
import type { Section } from '../config/schema.js';
import { registerBench } from './bench/bench-command.js';
import { registerCleanup } from './commands/cleanup-command.js';
import { registerDelete } from './commands/delete-command.js';
import { registerDoctor } from './commands/doctor-command.js';
import { registerDocuments } from './commands/document-commands.js';
import { registerList } from './commands/list-command.js';
import { registerReport } from './commands/report-command.js';
import { registerRestore, registerScript } from './commands/restore-commands.js';
import { registerVerify } from './commands/verify-command.js';
import { addConfigOptions } from './config-options.js';
import type { Output } from './context.js';
import { registerFiles } from './files/files-command.js';
import { HELP, withExamples } from './help.js';
import { registerSetup } from './setup/setup-command.js';
import type { Wiring } from './wiring.js';

/** Sections of settings that these commands use. */
const SECTIONS: readonly Section[] = ['b2', 'encryption', 'machine', 'reports', 'backuppc'];

const EXAMPLES = `
  backuppc-b2 list --host web                              what there is of one host
  backuppc-b2 restore --host web --number 12 -C /tmp/web   brings an archive back
  backuppc-b2 verify --host web --deep                     reads everything back and checks it
  backuppc-b2 delete --age 90                              deletes what is older, and says why
  backuppc-b2 doctor                                       looks for what would go wrong`;

export function companionProgram(version: string): Command {
  const program = new Command('backuppc-b2')
    .description("list, delete, verify and restore BackupPC's archives in Backblaze B2")
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError('(see --help)')
    .configureHelp({ ...HELP, showGlobalOptions: true });
  return withExamples(addConfigOptions(program, SECTIONS), EXAMPLES);
}

export function registerCompanion(program: Command, wiring: Wiring, out: Output): void {
  registerSetup(program, wiring, out, ARCHIVE_HOST);
  registerList(program, wiring);
  registerDelete(program, wiring);
  registerFiles(program, wiring);
  registerScript(program, wiring);
  registerRestore(program, wiring);
  registerVerify(program, wiring);
  registerCleanup(program, wiring);
  registerReport(program, wiring);
  registerDoctor(program, wiring);
  registerBench(program, wiring);
  registerDocuments(program, wiring);
}
