/**
 * Beside BackupPC's own tarCreate, which no archive can be faster than: a real backup, a real pool, the same server as in the other suites.
 *
 *     npm run bench -- backuppc [--tree /usr/lib] [--rounds 3] [--save]
 *
 * Root, and Debian's backuppc (installed if it is missing). The tree is backed up once by BackupPC; then tarCreate into `wc -c`, and an archive
 * of the same backup as BackupPC starts it, take turns.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BackupPc } from '../../test/real-backuppc/backuppc.js';
import { installProgram } from '../../test/real-backuppc/installed.js';
import { needBackupPc } from '../../test/real-backuppc/package.js';
import { until } from '../../test/real-backuppc/processes.js';
import { contest, type ContestResult } from '../contest.js';
import { median, publish, spread, type Row } from '../report.js';

const HOST = 'web.example';
const BACKUP_LIMIT_MS = 30 * 60_000;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      tree: { type: 'string', default: '/usr/lib' },
      rounds: { type: 'string', default: '3' },
      save: { type: 'boolean', default: false },
    },
  });
  const lacking = needBackupPc();
  if (lacking !== false) throw new Error(lacking);
  const backuppc = new BackupPc();
  try {
    const bin = installProgram(join(backuppc.directory, 'program'), backuppc.user);
    const state = backuppc.mkdir('state');
    const config = backuppc.write('b2.toml', 'passphrase = "bench"\n');
    backuppc.addRsyncHost(HOST, values.tree);
    await backuppc.start();
    await backuppc.requestBackup(HOST, 'doFull');
    await until('the backup is there', async () => !(await backuppc.isBusy(HOST)), BACKUP_LIMIT_MS);
    const number = backuppc.backups(HOST).at(-1)?.number;
    if (number === undefined) throw new Error(`no backup: ${await backuppc.log(HOST, 'XferLOG')}`);
    await backuppc.stop();

    const tarCreate = join(backuppc.installed, 'bin/BackupPC_tarCreate');
    const asUser = `setpriv --reuid=backuppc --regid=backuppc --clear-groups env HOME=${backuppc.data}`;
    const tar = `${asUser} ${tarCreate} -t -h ${HOST} -n ${number} -s '*' .`;
    const words = `${tarCreate} /usr/bin/split '' ${HOST} ${number} /bin/cat .raw 0000000 ${state} 0 '*'`;
    const ours = {
      name: 'backuppc-b2',
      command: `cd / && ${asUser} ${bin}/BackupPC_archiveHost_b2 --config ${config} ${words}`,
    };
    const bytes = Number(spawnSync('bash', ['-c', `${tar} 2>/dev/null | wc -c`]).stdout.toString());
    const results = await contest(
      [{ name: 'BackupPC_tarCreate | wc -c', command: `${tar} | wc -c` }, ours],
      '/dev/null',
      Number(values.rounds),
    );
    const rows = results.map((result) => row(result, results, bytes));
    publish(
      {
        topic: 'backuppc',
        command: `npm run bench -- backuppc ${args.join(' ')}`.trim(),
        notes: [
          `A full backup of ${values.tree}, ${Math.round(bytes / 1e6)} MB of tar. BackupPC 4 with its pool compressed.`,
        ],
        tables: [{ title: 'From the pool to B2', rows }],
      },
      values.save,
    );
  } finally {
    await backuppc.end();
  }
}

/** Rounds are paired: the share is the median of each round's own. */
function row(result: ContestResult, results: readonly ContestResult[], bytes: number): Row {
  const walls = result.figures.map(({ wallSeconds }) => wallSeconds);
  const ceiling = results[0]?.figures ?? [];
  const shares = walls.map((wall, round) => ((ceiling[round]?.wallSeconds ?? NaN) / wall) * 100);
  return {
    program: result.name,
    'wall s': spread(walls),
    'MB/s': Math.round(bytes / 1e6 / median(walls)),
    'CPU s': spread(result.figures.map(({ cpuSeconds }) => cpuSeconds)),
    'peak RSS MiB': Math.round(median(result.figures.map(({ peakBytes }) => peakBytes)) / 2 ** 20),
    '% of tarCreate': spread(shares, 0),
  };
}
