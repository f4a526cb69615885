import type { Command } from 'commander';
import { cleanup } from '../cleanup.js';
import { positiveNumber, type Wiring } from '../wiring.js';

interface CleanupFlags {
  readonly olderThan: number;
  readonly host?: string;
  readonly hidden?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function registerCleanup(program: Command, wiring: Wiring): void {
  const command = program
    .command('cleanup')
    .description('show, and with --yes remove, what interrupted and superseded runs of this program left')
    .option('--older-than <DAYS>', 'only runs without activity for this long', positiveNumber(36_500), 7)
    .option('--host <HOST>', 'only this host')
    .option('--hidden', 'also archives that another tool has hidden from end to end')
    .option('--dry-run', 'only show what would be removed (the default)')
    .option('-y, --yes', 'remove it')
    .option('--json', 'print JSON');
  command.action(async (flags: CleanupFlags) => {
    const { olderThan, host, hidden = false, dryRun = false, json = false } = flags;
    // Whoever says both wants to see it first.
    const yes = flags.yes === true && !dryRun;
    await wiring.run(command, (context) =>
      cleanup(context, { olderThanMs: olderThan * 86_400_000, host, hidden, yes, json }),
    );
  });
}
