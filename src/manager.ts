#!/usr/bin/env node
/** The door `backuppc-b2`: the command tree, on the real B2 and the real terminal. */
import { archiveCommand } from './cli/archive-command.js';
import { registerArchive } from './cli/archive.js';
import { runTree } from './cli/main.js';
import { openContext } from './cli/open-context.js';
import { companionProgram, registerCompanion, registerRunning } from './cli/program.js';
import { terminal } from './cli/terminal.js';
import { wiring } from './cli/wiring.js';
import { VERSION } from './version.js';

let status = 0;
const setStatus = (value: number): void => {
  status = value;
};
const program = companionProgram(VERSION);
const wires = wiring(openContext, setStatus);
registerArchive(program, async (order) => {
  setStatus(await archiveCommand(() => Promise.resolve(order)));
});
registerRunning(program, wires, terminal);
registerCompanion(program, wires);
process.exitCode = await runTree(program, process.argv.slice(2), terminal, () => status);
