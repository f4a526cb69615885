#!/usr/bin/env node
/** The door for BackupPC: what `$Conf{ArchiveClientCmd}` runs, by way of the launcher. */
import './v8-flags.js';
import { EXIT_STATUS, oneLine } from './errors.js';
import { stackOf } from './stack.js';
import { PROGRAM } from './version.js';

// BackupPC takes a failure without output for success, and so would it a kill before our first words: say something at once,
// before anything heavier than this file is loaded. The launcher has done so already.
const words = process.argv.slice(2);
const asksForHelp = words.some((word) => ['--help', '-h', '--version', '-V'].includes(word));
if (process.env['BACKUPPC_B2_STARTING_SAID'] === undefined && (words.length >= 11 || !asksForHelp))
  process.stdout.write(`${PROGRAM}: starting\n`);
delete process.env['BACKUPPC_B2_STARTING_SAID'];

// Loading takes seconds on a busy machine; a stop in that time has a reason too.
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
