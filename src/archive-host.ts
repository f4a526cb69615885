#!/usr/bin/env node
/** The door for BackupPC: what `$Conf{ArchiveClientCmd}` runs, by way of the launcher. */
import './v8-flags.js';
import { oneLine } from './errors.js';
import { stackOf } from './stack.js';
import { PROGRAM } from './version.js';

// BackupPC takes a failure without output for success, and so would it a kill before our first words: say something at once,
// before anything heavier than this file is loaded.
const words = process.argv.slice(2);
if (!words.some((word) => word === '--help' || word === '-h' || word === '--version' || word === '-V')) {
  process.stdout.write(`${PROGRAM}: starting\n`);
}

void import('./cli/archive-host.js')
  .then(({ archiveHostMain }) => archiveHostMain(words))
  .catch((error: unknown) => {
    const what = error instanceof Error ? stackOf(error) : String(error);
    process.stdout.write(`${oneLine(`${PROGRAM}: ${what}`)}\n`);
    return 1;
  })
  .then((exitStatus) => {
    process.exitCode = exitStatus;
  });
