import type { Command } from 'commander';
import { doctor } from '../doctor/doctor.js';
import type { Wiring } from '../wiring.js';

export function registerDoctor(program: Command, wiring: Wiring): void {
  const command = program
    .command('doctor')
    .description(
      'check what could go wrong: configuration, key, bucket, clock, gpg, timeouts, disk, and a rehearsal',
    )
    .option('--no-rehearsal', 'do not archive and restore 1 MB in a scratch prefix')
    .option('--json', 'print JSON');
  command.action(async ({ rehearsal, json = false }: { rehearsal: boolean; json?: boolean }) => {
    await wiring.run(command, (context) => doctor(context, { rehearsal, json }));
  });
}
