import type { Command } from 'commander';
import { ARCHIVE_HOST, ARCHIVE_START } from '../../backuppc/defaults.js';
import type { RetentionRules } from '../../catalog/retention.js';
import { deleteArchives } from '../delete.js';
import { startBackups } from '../legacy/start-backups.js';
import { positiveNumber, wholeNumber, type Wiring } from '../wiring.js';
import { LEGACY } from './archive-options.js';

interface DeleteFlags {
  readonly age?: number;
  readonly keep: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
  readonly host?: string;
  readonly number?: number;
  readonly legacy?: boolean;
  readonly allowUnproven?: boolean;
  readonly dryRun?: boolean;
  readonly test?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly startBackups?: boolean;
  readonly archiveHost: string;
  readonly archiveStart: string;
}

export function registerDelete(program: Command, wiring: Wiring): void {
  const command = program
    .command('delete')
    .description('delete old archives, and say why each is deleted or kept')
    .option('--age <DAYS>', 'delete what is older than this', positiveNumber(36_500))
    .option(
      '--keep <N>',
      'keep the newest N finished archives of each host, whatever their age',
      wholeNumber(0),
      1,
    )
    .option(
      '--keep-daily <N>',
      'keep the newest finished archive of each of the last N days that have one',
      wholeNumber(0),
    )
    .option('--keep-weekly <N>', 'the same for weeks (ISO)', wholeNumber(0))
    .option('--keep-monthly <N>', 'the same for months', wholeNumber(0))
    .option('--keep-yearly <N>', 'the same for years', wholeNumber(0))
    .option('--host <HOST>', 'only this host')
    .option('--number <N>', 'with --host: this archive, whatever its age', wholeNumber(0))
    .option('--allow-unproven', 'count unproven archives as kept, too')
    .option(...LEGACY)
    .option('--dry-run', 'only show what would be deleted')
    .option('--test', 'the same as --dry-run')
    .option('-y, --yes', 'do not ask (for cron)')
    .option('--json', 'print JSON')
    .option('--start-backups', 'afterwards start an archive of the host that needs it most')
    .option('--archive-host <HOST>', "with --start-backups: BackupPC's archive host", ARCHIVE_HOST)
    .option('--archive-start <PROGRAM>', 'with --start-backups: BackupPC_archiveStart', ARCHIVE_START);
  command.action(async (flags: DeleteFlags) => {
    const dryRun = flags.dryRun === true || flags.test === true;
    await wiring.run(command, async (context) => {
      const status = await deleteArchives(context, {
        host: flags.host,
        number: flags.number,
        rules: rulesOf(flags),
        legacy: flags.legacy,
        allowUnproven: flags.allowUnproven,
        dryRun,
        yes: flags.yes === true,
        json: flags.json === true,
      });
      if (flags.startBackups === true) {
        const { archiveHost, archiveStart, keep } = flags;
        await startBackups(context, {
          archiveHost,
          program: archiveStart,
          target: keep + 1,
          count: 1,
          dryRun,
          legacy: flags.legacy,
        });
      }
      return status;
    });
  });
}

function rulesOf({ age, keep, keepDaily, keepWeekly, keepMonthly, keepYearly }: DeleteFlags): RetentionRules {
  const periods = {
    daily: keepDaily ?? 0,
    weekly: keepWeekly ?? 0,
    monthly: keepMonthly ?? 0,
    yearly: keepYearly ?? 0,
  };
  return { ageDays: age, keep, periods };
}
