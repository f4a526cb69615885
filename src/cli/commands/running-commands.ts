/** `status` and `bwlimit`. */
import type { Command } from 'commander';
import type { Output } from '../context.js';
import { setLimit, status } from '../run/status.js';
import type { Wiring } from '../wiring.js';

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
    .action(async (limit: string) => {
      wiring.setStatus(await setLimit(out, limit));
    });
}
