#!/usr/bin/env node
/** The entry point for BackupPC: what `$Conf{ArchiveClientCmd}` runs, through the launcher. */
import './v8-flags.js';
import './working-directory.js';
import { EXIT_STATUS, oneLine } from './errors.js';
import { stackOf } from './stack.js';
import { PROGRAM } from './version.js';

// BackupPC takes a failure without output for success, even if we are killed before printing. So print something at once, before
// loading anything heavier than this file. The launcher may have done so already.
const words = process.argv.slice(2);
const asksForHelp = words.some((word) => ['--help', '-h', '--version', '-V'].includes(word));
if (process.env['BACKUPPC_B2_STARTING_SAID'] === undefined && (words.length >= 11 || !asksForHelp))
  // A routine line, like all that begin with two blanks.
  process.stdout.write(`  ${PROGRAM}: starting\n`);
delete process.env['BACKUPPC_B2_STARTING_SAID'];

// Loading takes seconds on a busy machine. A stop during that time must also give its reason.
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
function stopEarly(signal: NodeJS.Signals): void {
  process.stdout.write(`stopped by ${signal} before anything was sent\n`);
  process.exit(EXIT_STATUS.interrupted);
}
for (const signal of signals) process.on(signal, stopEarly);
const takeOver = (): void => {
  for (const signal of signals) process.off(signal, stopEarly);
};

void import('./cli/archive-host.js')
  .then(({ archiveHostMain }) => archiveHostMain(words, takeOver))
  .catch((error: unknown) => {
    const what = error instanceof Error ? stackOf(error) : String(error);
    process.stdout.write(`${oneLine(`${PROGRAM}: ${what}`)}\n`);
    return 1;
  })
  .then((exitStatus) => {
    process.exitCode = exitStatus;
  });
