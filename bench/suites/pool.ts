/**
 * `--reuse` at size on a real pool: a full backup, an incremental one a week later, a full one a day later, and one of the same tree again,
 * each archived by BackupPC itself. Their tars are compared member by member, so that what is sent is explained: by what changed in the
 * tree, or by what BackupPC makes of it.
 *
 *     npm run bench -- pool [--megabytes 2200] [--save]
 *
 * Root, and Debian's backuppc, rsync and attr (installed if they are missing).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { needBackupPc } from '../../test/real-backuppc/package.js';
import { needPrograms } from '../../test/support/debian.js';
import { PackageTree } from '../package-tree.js';
import { PoolArchives, type Archived } from '../pool-archives.js';
import { publish, type Row, type Table } from '../report.js';
import { compareTars, type Comparison, type TarMembers } from '../tar-members.js';
import { whySent } from '../why-sent.js';

const SMALL_FILE = 'data/usr/share/doc/adduser/copyright';

const ATTR = { package: 'attr', check: ['setfattr', '--version'] } as const;

interface Backup {
  readonly name: string;
  /** Members of its tar whose files changed since the backup before. */
  readonly changed: ReadonlySet<string>;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      megabytes: { type: 'string', default: '2200' },
      save: { type: 'boolean', default: false },
    },
  });
  const lacking = needBackupPc() || needPrograms([ATTR]);
  if (lacking !== false) throw new Error(lacking);
  const pool = await PoolArchives.begin();
  try {
    const tree = new PackageTree(join(pool.backuppc.directory, 'tree'), Number(values.megabytes) * 1e6);
    await pool.addHost(tree.path);
    const backups = await backUpAll(pool, tree);
    rmSync(tree.path, { recursive: true, force: true });
    const rows: Row[] = [];
    const compared: Row[] = [];
    const explained: Row[] = [];
    let before: TarMembers | undefined;
    for (const [number, { name, changed }] of backups.entries()) {
      const archived = await pool.archive(number);
      const tar = await pool.tar(number);
      const comparison = before && compareTars(before, tar);
      rows.push(archiveRow(`#${number}: ${name}`, tar, comparison, archived));
      if (before !== undefined && comparison !== undefined) {
        compared.push(comparisonRow(`#${number - 1} and #${number}`, comparison, changed));
        explained.push({ archive: `#${number}`, ...whySent(before, tar, comparison, changed, archived) });
      }
      before = tar;
    }
    const last = backups.length - 1;
    const anyOrder = compareTars(await pool.tar(last), await pool.tar(last, { anyOrder: true }));
    compared.push(comparisonRow(`#${last}, again without PERL_HASH_SEED=0`, anyOrder, new Set()));
    const tables: Table[] = [
      { title: 'Archives, zstd:3', rows },
      { title: 'Tars, member by member', rows: compared },
      { title: 'Volumes that were sent, and why', rows: explained },
      { title: 'One file back from #1', rows: [await pool.restoreOne(1, SMALL_FILE)] },
    ];
    publish(
      {
        topic: 'pool',
        command: `npm run bench -- pool ${args.join(' ')}`.trim(),
        notes: [
          'Files of this machine’s packages, hard links, holes, odd names, and 1,000 files with two to six extended attributes; BackupPC 4 by rsync with `--xattrs`. CPU and RSS are those of the whole run, tarCreate among it.',
          'Unexplained: members whose bytes differ, although nothing about the file or directory has changed.',
        ],
        tables,
      },
      values.save,
    );
  } finally {
    await pool.end();
  }
}

/** The incremental backup is stored as what differs from the full one behind it. */
async function backUpAll(pool: PoolArchives, tree: PackageTree): Promise<Backup[]> {
  const steps = [
    { name: 'full', type: 'doFull', pass: (): void => undefined },
    { name: 'incremental, a week later', type: 'doIncr', pass: (): void => tree.passWeek() },
    { name: 'full, filled, a day later', type: 'doFull', pass: (): void => tree.passDay() },
    { name: 'full, nothing changed', type: 'doFull', pass: (): void => undefined },
  ] as const;
  const backups: Backup[] = [];
  for (const { name, type, pass } of steps) {
    const before = tree.stamps();
    pass();
    const changed = new Set<string>();
    for (const [path, stamp] of tree.stamps())
      if (before.get(path) !== stamp) changed.add(path === '' ? './data' : `./data/${path}`);
    await pool.backUp(type);
    backups.push({ name, changed });
  }
  return backups;
}

function archiveRow(
  backup: string,
  tar: TarMembers,
  comparison: Comparison | undefined,
  archived: Archived,
): Row {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
  return {
    backup,
    'tar MB': mb(tar.bytes),
    'MB changed': comparison === undefined ? '' : mb(comparison.changedBytes),
    'sent MB': mb(archived.sentBytes),
    'copied MB': mb(archived.copiedBytes),
    volumes: archived.volumes,
    sent: archived.sent.size,
    'wall s': archived.wallSeconds.toFixed(1),
    'CPU s': archived.cpuSeconds.toFixed(1),
    'RSS MiB': Math.round(archived.peakBytes / 2 ** 20),
  };
}

function comparisonRow(pair: string, comparison: Comparison, changed: ReadonlySet<string>): Row {
  const { common, same, sameOrder, differences } = comparison;
  const unexplained = differences.filter(({ path }) => !changed.has(path.replace(/\/$/, '')));
  const kinds = new Map<string, number>();
  for (const { what } of unexplained) kinds.set(what, (kinds.get(what) ?? 0) + 1);
  return {
    tars: pair,
    'in both': common,
    'same bytes': same,
    'same order': sameOrder ? 'yes' : 'no',
    changed: differences.length - unexplained.length,
    unexplained: [...kinds].map(([kind, count]) => `${count}: ${kind}`).join(', ') || 'none',
    'such as': unexplained
      .slice(0, 3)
      .map(({ path }) => JSON.stringify(path))
      .join(', '),
  };
}
