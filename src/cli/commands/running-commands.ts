/** `status` and `bwlimit`. */
import type { Command } from 'commander';
import type { Output } from '../context.js';
import { setLimit, status } from '../run/status.js';
import { wholeNumber, type Wiring } from '../wiring.js';

/** Commands that talk to archives being written on this machine. */
export function registerRunning(program: Command, wiring: Wiring, out: Pick<Output, 'write' | 'note'>): void {
  program
    .command('status')
    .description('what the archives that run here are doing')
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { json?: boolean }) => {
      wiring.setStatus(await status(out, { json }));
    });
  program
    .command('bwlimit')
    .description('set the upload limit of the archives that run here')
    .argument('<LIMIT>', '8Mbit, 1M, off, a timetable, or auto[:MIN-MAX]')
    .option('--host <HOST>', 'only of archives of this host')
    .option('--number <N>', 'only of archives of this backup', wholeNumber(0))
    .action(async (limit: string, which: { host?: string; number?: number }) => {
      wiring.setStatus(await setLimit(out, limit, which));
    });
}
