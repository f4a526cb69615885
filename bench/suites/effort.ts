/**
 * `--compress auto` beside fixed levels, over lines of several speeds: first archives of a part of /usr/share with --reuse, as much as the line takes in
 * about a minute.
 *
 *     npm run bench -- effort [--quick] [--save]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BENCH_BUCKET, startBenchServer } from '../b2-server.js';
import { lastRunBytes } from '../last-run.js';
import { runShell } from '../process-run.js';
import { publish, type Row } from '../report.js';

/** Lines in Mbit/s, and MB of tar. */
const LINES = [
  [1, 20],
  [8, 120],
  [50, 400],
  [1000, 700],
] as const;
const CODECS = ['zstd:3', 'zstd:auto', 'gzip:6', 'gzip:auto'];
/** With --quick, so many times less. */
const QUICK = 4;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean', default: false }, save: { type: 'boolean', default: false } },
  });
  const directory = mkdtempSync(join(tmpdir(), 'bench-effort-'));
  const server = await startBenchServer();
  try {
    const pass = join(directory, 'pass');
    writeFileSync(pass, 'bench passphrase\n', { mode: 0o600 });
    const metrics = join(directory, 'metrics');
    const rows: Row[] = [];
    let number = 0;
    for (const [mbit, megabytes] of LINES) {
      const tar = join(directory, 'tar');
      const bytes = Math.round((megabytes / (values.quick ? QUICK : 1)) * 1e6);
      execFileSync('sh', [
        '-c',
        `tar -C /usr --sort=name -cf - share 2>/dev/null | head -c ${bytes} >'${tar}'`,
      ]);
      for (const codec of CODECS) {
        number += 1;
        const state = join(directory, `state-${number}`);
        mkdirSync(state);
        const command =
          `BACKUPPC_B2_NODE=${process.execPath} BACKUPPC_B2_CONFIG=/dev/null dist/bin/backuppc-b2 archive --host bench${number} --number 1` +
          ` --endpoint ${server.url} --bucket ${BENCH_BUCKET} --passphrase-file ${pass} --state-dir ${state} --metrics-file ${metrics}` +
          ` --reuse --compress ${codec} --bwlimit ${mbit}Mbit --again -- cat ${tar}`;
        const figures = await runShell(command, {
          B2_APPLICATION_KEY_ID: server.keyId,
          B2_APPLICATION_KEY: server.key,
        });
        if (figures.status !== 0)
          throw new Error(`archive ended with ${String(figures.status)}: ${figures.output}`);
        const sent = lastRunBytes(metrics, 'sent');
        rmSync(metrics);
        rows.push({
          'Mbit/s': mbit,
          'MB of tar': (bytes / 1e6).toFixed(0),
          codec,
          'MB sent': (sent / 1e6).toFixed(2),
          'wall s': figures.wallSeconds.toFixed(1),
          'CPU s': figures.cpuSeconds.toFixed(1),
          'RSS MiB': Math.round(figures.peakBytes / 2 ** 20),
        });
      }
    }
    const notes = [
      'A first archive, with --reuse and the limit of --bwlimit; the server is on this machine.',
    ];
    const tables = [{ title: 'The level of compression and the line', rows }];
    publish(
      { topic: 'effort', command: `npm run bench -- effort ${args.join(' ')}`.trim(), notes, tables },
      values.save,
    );
  } finally {
    server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
