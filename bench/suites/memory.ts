/**
 * A long stream through the program as BackupPC runs it, under a memory limit of the kernel: what it holds must not grow with the stream.
 *
 *     npm run bench -- memory [--gib 20] [--limit 192] [--save]
 *
 * tarCreate is GNU tar over many names of one incompressible file, which lies in memory; B2 is a server on loopback that drops what it
 * gets. With cgroups (Linux, root) the program dies if it takes more than the limit, in MiB; elsewhere its resident memory is only measured.
 */
import { createCipheriv } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { limitedRun } from '../limited-run.js';
import { publish, type Row } from '../report.js';

const MIB = 1024 * 1024;
const FILE_MIB = 64;
const QUARTERS = 4;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      gib: { type: 'string', default: '20' },
      limit: { type: 'string', default: '192' },
      save: { type: 'boolean', default: false },
    },
  });
  const gib = Number(values.gib);
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bench-memory-'));
  try {
    const limits = { memoryBytes: Number(values.limit) * MIB };
    const { seconds, samples, peakBytes, limited } = await limitedRun(makeSource(directory, gib), limits);
    const rows: Row[] = quartersOf(samples).map((quarter, index) => ({
      'of the stream': `${(index * gib) / QUARTERS}–${((index + 1) * gib) / QUARTERS} GiB`,
      'peak RSS MiB': Math.round(Math.max(...quarter) / MIB),
    }));
    const limit = limited ? `a limit of ${values.limit} MiB by cgroup` : 'no limit of the kernel';
    const notes = [
      `${gib} GiB in ${seconds.toFixed(0)} s (${Math.round((gib * 1024 * MIB) / 1e6 / seconds)} MB/s), under ${limit}. Resident memory is the sum over the process tree, tarCreate among it.`,
      ...(peakBytes === undefined
        ? []
        : [
            `Peak of the control group, kernel memory and page cache among it: ${Math.round(peakBytes / MIB)} MiB.`,
          ]),
    ];
    publish(
      {
        topic: 'memory',
        command: `npm run bench -- memory ${args.join(' ')}`.trim(),
        notes,
        tables: [{ title: `${gib} GiB, incompressible, no compression`, rows }],
      },
      values.save,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @returns a tarCreate for a tree of `gib` GiB that takes the memory of one file */
export function makeSource(directory: string, gib: number): string {
  const tree = join(directory, 'tree');
  mkdirSync(tree);
  const file = join(tree, '0');
  const random = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16));
  writeFileSync(file, random.update(Buffer.alloc(FILE_MIB * MIB)));
  for (let name = 1; name < (gib * 1024) / FILE_MIB; name++) linkSync(file, join(tree, String(name)));
  const tarCreate = join(directory, 'tarCreate');
  writeFileSync(
    tarCreate,
    `#!/bin/sh\ntar -C '${tree}' --hard-dereference -b 128 -cf - . &&\necho 'Done: 9 files, 9 bytes, 1 dirs, 0 specials, 0 errors' >&2\n`,
  );
  chmodSync(tarCreate, 0o755);
  return tarCreate;
}

export function quartersOf(samples: readonly number[]): number[][] {
  const each = Math.ceil(samples.length / QUARTERS);
  return Array.from({ length: QUARTERS }, (_, index) => samples.slice(index * each, (index + 1) * each));
}
