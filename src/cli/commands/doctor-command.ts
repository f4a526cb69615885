import type { Command } from 'commander';
import { ARCHIVE_HOST } from '../../backuppc/defaults.js';
import { doctor } from '../doctor/doctor.js';
import type { Wiring } from '../wiring.js';

export function registerDoctor(program: Command, wiring: Wiring): void {
  const command = program
    .command('doctor')
    .description(
      'check what could go wrong: configuration, key, bucket, clock, gpg, timeouts, disk, and a rehearsal',
    )
    .option('--no-rehearsal', 'do not archive and restore 1 MB in a scratch prefix')
    .option('--archive-host <HOST>', "name of BackupPC's archive host", ARCHIVE_HOST)
    .option('--json', 'print JSON');
  command.action(async (flags: { rehearsal: boolean; archiveHost: string; json?: boolean }) => {
    const { rehearsal, archiveHost, json = false } = flags;
    await wiring.run(command, (context) => doctor(context, { rehearsal, archiveHost, json }));
  });
}
