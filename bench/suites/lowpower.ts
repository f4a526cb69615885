/**
 * As on a small server: one CPU, of which we get a fifth, and 256 MiB, held by the kernel.
 *
 *     npm run bench -- lowpower [--mib 1024] [--cpu 20] [--limit 256] [--save]
 *
 * tarCreate is `cat` of a tar of real files; it is under the same limits, as BackupPC's would be.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { corpus, sizeOf } from '../corpus.js';
import { limitedRun } from '../limited-run.js';
import { publish, type Row } from '../report.js';

const MIB = 1024 * 1024;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      mib: { type: 'string', default: '1024' },
      cpu: { type: 'string', default: '20' },
      limit: { type: 'string', default: '256' },
      save: { type: 'boolean', default: false },
    },
  });
  const input = corpus('files', Number(values.mib));
  const limits = { memoryBytes: Number(values.limit) * MIB, cpuShare: Number(values.cpu) / 100 };
  const directory = mkdtempSync(join(tmpdir(), 'bench-lowpower-'));
  try {
    const tarCreate = join(directory, 'tarCreate');
    // cat adds the end of the tar, which the corpus, cut off, has not.
    writeFileSync(
      tarCreate,
      `#!/bin/sh\ncat '${input}' && head -c 1024 /dev/zero &&\necho 'Done: 9 files, 9 bytes, 1 dirs, 0 specials, 0 errors' >&2\n`,
    );
    chmodSync(tarCreate, 0o755);
    const rows: Row[] = [];
    let held = true;
    for (const codec of ['none', 'zstd:1', 'gzip']) {
      const flags = ['--compress', codec];
      const { seconds, samples, peakBytes, limited } = await limitedRun(tarCreate, limits, flags, [
        'taskset',
        '-c',
        '0',
      ]);
      held &&= limited;
      rows.push({
        compression: codec,
        'wall s': seconds.toFixed(0),
        'MB/s of tar': (sizeOf(input) / 1e6 / seconds).toFixed(1),
        'Mbit/s of tar': Math.round((sizeOf(input) * 8) / 1e6 / seconds),
        'peak RSS MiB': Math.round(Math.max(...samples) / MIB),
        'control group MiB': peakBytes === undefined ? '' : Math.round(peakBytes / MIB),
      });
    }
    const limit = held
      ? `${values.cpu} % of one CPU and ${values.limit} MiB, held by cgroups`
      : 'no limit: this machine lets nobody make control groups';
    publish(
      {
        topic: 'lowpower',
        command: `npm run bench -- lowpower ${args.join(' ')}`.trim(),
        notes: [
          `Limits: ${limit}. The tree with tarCreate in it; the control group counts page cache and kernel memory, too, up to its limit.`,
        ],
        tables: [{ title: `${Math.round(sizeOf(input) / MIB)} MiB, a tar of real files`, rows }],
      },
      values.save,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
