#!/usr/bin/env node
/** The entry point `backup-manager`: the older Python scripts' command line. */
import { configFrom } from './cli/config-options.js';
import { ClosedOutput } from './cli/closed-output.js';
import { runLegacy } from './cli/legacy/legacy.js';
import { terminal } from './cli/terminal.js';
import { standardOutput } from './pipes/standard-output.js';

// It may delete, so it finishes what it has begun.
new ClosedOutput([standardOutput(), process.stdout, process.stderr]).begin('delete');

void runLegacy(process.argv.slice(2), {
  out: terminal,
  configOf: (file) => configFrom(file === undefined ? {} : { config: file }),
  open: async (config) => (await import('./cli/open-context.js')).openContext(config),
}).then((exitStatus) => {
  process.exitCode = exitStatus;
});
