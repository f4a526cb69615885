#!/usr/bin/env node
/** The door for BackupPC: what `$Conf{ArchiveClientCmd}` runs, by way of the launcher. */
import './v8-flags.js';
import { oneLine } from './errors.js';
import { PROGRAM } from './version.js';

// BackupPC takes a failure without output for success, and so would it a kill before our first words: say something at once,
// before anything heavier than this file is loaded.
const words = process.argv.slice(2);
if (!words.some((word) => word === '--help' || word === '-h' || word === '--version' || word === '-V')) {
  process.stdout.write(`${PROGRAM}: starting\n`);
}

try {
  const { archiveHostMain } = await import('./cli/archive-host.js');
  process.exitCode = await archiveHostMain(words);
} catch (error) {
  process.stdout.write(
    `${oneLine(`${PROGRAM}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)}\n`,
  );
  process.exitCode = 1;
}
