#!/usr/bin/env node
/** The entry point `backuppc-b2`: the command tree on the real B2 and the real terminal. */
import './v8-flags.js';
import './working-directory.js';
import { registerArchive } from './cli/archive.js';
import { ClosedOutput } from './cli/closed-output.js';
import { runTree } from './cli/main.js';
import type { ArchiveOrder } from './cli/run/archive-job.js';
import type { Learned } from './cli/run/notices.js';
import { registerRunning } from './cli/commands/running-commands.js';
import { companionProgram, registerCompanion } from './cli/program.js';
import { terminal } from './cli/terminal.js';
import { wiring } from './cli/wiring.js';
import { asFailure } from './errors.js';
import { standardOutput } from './pipes/standard-output.js';
import { VERSION } from './version.js';

let status = 0;
const setStatus = (value: number): void => {
  status = value;
};
const program = companionProgram(VERSION);
// Loaded when a command runs: --help and completion need neither the worker pool nor B2's client.
const wires = wiring(
  async (config) => (await import('./cli/open-context.js')).openContext(config),
  setStatus,
);
registerArchive(program, async (prepare) => {
  const { archiveCommand } = await import('./cli/run/archive-job.js');
  const learned: Learned = {};
  let order: ArchiveOrder;
  try {
    order = prepare(learned);
  } catch (error) {
    const { tellNotBegun } = await import('./cli/run/notices.js');
    await tellNotBegun(learned, asFailure(error));
    throw error;
  }
  setStatus(await archiveCommand(() => Promise.resolve(order)));
});
registerRunning(program, wires, terminal);
registerCompanion(program, wires, terminal);
new ClosedOutput([standardOutput(), process.stdout, process.stderr]).watch(program);
void runTree(program, process.argv.slice(2), terminal, () => status).then((exitStatus) => {
  process.exitCode = exitStatus;
});
