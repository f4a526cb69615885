/**
 * What the second archive of a host sends, when little has changed: a tree of this machine's own /usr, archived, changed in place,
 * archived again; beside restic (a repository on disk: what it calls added, and by how much it grows) and beside our other layout.
 *
 *     npm run bench -- reuse [--quick] [--save]
 *
 * Peers that are not installed are named as missing (Debian: restic).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BENCH_BUCKET, startBenchServer } from '../b2-server.js';
import { lastRunBytes } from '../last-run.js';
import { runShell, type RunFigures } from '../process-run.js';
import { publish, type Row } from '../report.js';
import { atRandom, ChangingTree, inserted, packages, unchanged, type Change } from '../reuse-trees.js';

const CHANGES: readonly Change[] = [unchanged, packages(3), packages(15), packages(60), atRandom, inserted];
const LINE_BYTES_PER_SECOND = 1e6;
const HOST = 'bench';

interface Archived {
  readonly figures: RunFigures;
  readonly sentBytes: number;
  readonly copiedBytes: number;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean', default: false }, save: { type: 'boolean', default: false } },
  });
  const directory = mkdtempSync(join(tmpdir(), 'bench-reuse-'));
  const server = await startBenchServer({ flags: ['--data', `disk:${join(directory, 'b2')}`] });
  try {
    const tree = new ChangingTree(directory, values.quick ? 1 : 9, values.quick ? 64 * 2 ** 20 : 2 ** 30);
    const pass = join(directory, 'pass');
    writeFileSync(pass, 'bench passphrase\n', { mode: 0o600 });
    const state = join(directory, 'state');
    mkdirSync(state);
    const metrics = join(directory, 'metrics');
    let number = 0;
    const archive = async (flags: string): Promise<Archived> => {
      number += 1;
      rmSync(metrics, { force: true });
      const command =
        `BACKUPPC_B2_NODE=${process.execPath} BACKUPPC_B2_CONFIG=/dev/null dist/bin/backuppc-b2 archive --host ${HOST} --number ${number}` +
        ` --endpoint ${server.url} --bucket ${BENCH_BUCKET} --passphrase-file ${pass} --state-dir ${state} --metrics-file ${metrics}` +
        ` ${flags} -- tar -C ${tree.path} --sort=name -cf - .`;
      const figures = await runShell(command, {
        B2_APPLICATION_KEY_ID: server.keyId,
        B2_APPLICATION_KEY: server.key,
      });
      if (figures.status !== 0)
        throw new Error(`archive ended with ${String(figures.status)}: ${figures.output}`);
      return {
        figures,
        sentBytes: lastRunBytes(metrics, 'sent'),
        copiedBytes: lastRunBytes(metrics, 'copied'),
      };
    };
    const known = join(state, `${HOST}.${BENCH_BUCKET}.known`);
    const classic = await archive('--compress none');
    const first = await archive('--compress none --reuse');
    copyFileSync(known, join(directory, 'known'));
    const restic = resticAt(directory, pass, tree.path);
    const resticFirst = restic?.();
    const rows: Row[] = [
      row('the first archive, in volumes of a given size', 0, classic, undefined),
      row('the first archive, --reuse', 0, first, resticFirst),
    ];
    for (const change of CHANGES) {
      const changed = change.apply(tree.path);
      copyFileSync(join(directory, 'known'), known);
      rows.push(row(change.name, changed, await archive('--compress none --reuse'), restic?.()));
      if (restic !== undefined) resticForgets(directory, pass);
      tree.undo();
    }
    const notes = [
      'Sent: bytes over the line, with manifest and member index. `at 8 Mbit/s` is what sending takes there, or reading, whichever is longer.',
      ...(restic === undefined ? ['Missing here: restic.'] : []),
    ];
    const tables = [{ title: 'A second archive of a tree, without compression', rows }];
    publish(
      { topic: 'reuse', command: `npm run bench -- reuse ${args.join(' ')}`.trim(), notes, tables },
      values.save,
    );
  } finally {
    server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Restic {
  readonly addedBytes: number;
  readonly wallSeconds: number;
}

/** @returns undefined where restic is not installed */
function resticAt(directory: string, pass: string, tree: string): (() => Restic) | undefined {
  if (spawnSync('restic', ['version']).status !== 0) return undefined;
  const common = ['-r', join(directory, 'restic'), '--password-file', pass];
  const env = { ...process.env, RESTIC_CACHE_DIR: join(directory, 'restic-cache') };
  execFileSync('restic', [...common, 'init'], { env });
  return () => {
    const began = performance.now();
    const output = execFileSync('restic', [...common, '--compression', 'off', 'backup', '--json', '.'], {
      cwd: tree,
      maxBuffer: 2 ** 30,
      env,
    }).toString();
    const last = output.trim().split('\n').at(-1) ?? '{}';
    const { data_added: addedBytes = NaN } = JSON.parse(last) as { data_added?: number };
    return { addedBytes, wallSeconds: (performance.now() - began) / 1000 };
  };
}

/** What the last row added must not help the next one. */
function resticForgets(directory: string, pass: string): void {
  const words = ['-r', join(directory, 'restic'), '--password-file', pass];
  const snapshots = execFileSync('restic', [...words, 'snapshots', '--json']).toString();
  const last = (JSON.parse(snapshots) as { id: string }[]).at(-1);
  if (last !== undefined)
    execFileSync('restic', [...words, 'forget', '--prune', last.id], { stdio: 'ignore' });
}

function row(
  name: string,
  changed: number,
  { figures, sentBytes, copiedBytes }: Archived,
  restic: Restic | undefined,
): Row {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
  return {
    changed: name,
    'MB changed': mb(changed),
    'MB sent': mb(sentBytes),
    'MB copied in B2': mb(copiedBytes),
    'restic added MB': restic === undefined ? '' : mb(restic.addedBytes),
    '× restic':
      restic === undefined || restic.addedBytes < 1e5 ? '' : (sentBytes / restic.addedBytes).toFixed(2),
    'wall s': figures.wallSeconds.toFixed(1),
    'at 8 Mbit/s, s': Math.max(figures.wallSeconds, sentBytes / LINE_BYTES_PER_SECOND).toFixed(0),
    'CPU s': figures.cpuSeconds.toFixed(1),
    'RSS MiB': Math.round(figures.peakBytes / 2 ** 20),
    'restic wall s': restic === undefined ? '' : restic.wallSeconds.toFixed(1),
  };
}
