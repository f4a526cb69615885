/**
 * A long stream through the program as BackupPC runs it, under a memory limit of the kernel: what it holds must not grow with the stream.
 *
 *     npm run bench -- memory [--gib 20] [--limit 192] [--save]
 *
 * tarCreate is GNU tar over many names of one incompressible file, which lies in memory; B2 is a server on loopback that drops what it
 * gets. With cgroups (Linux, root) the program dies if it takes more than the limit, in MiB; elsewhere its resident memory is only measured.
 */
import { spawn } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { limitMemory } from '../memory-limit.js';
import { treeBytes } from '../process-run.js';
import { publish, type Row } from '../report.js';

const MIB = 1024 * 1024;
const FILE_MIB = 64;
const BUCKET = 'bench-of-memory';
const SAMPLE_MS = 100;
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
  const limitMib = Number(values.limit);
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bench-memory-'));
  const group = limitMemory(limitMib * MIB);
  const server = spawn(
    process.execPath,
    ['dist/test/support/b2-server/main.js', '--data', 'drop', '--bucket', BUCKET, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const address = await new Promise<{ url: string; keyId: string; key: string }>((resolve) => {
      server.stdout.once('data', (line: Buffer) => {
        resolve(JSON.parse(line.toString()) as { url: string; keyId: string; key: string });
      });
    });
    const tarCreate = makeSource(directory, gib);
    const passphrase = join(directory, 'passphrase');
    writeFileSync(passphrase, 'bench passphrase\n', { mode: 0o600 });
    const words = [
      ...['-q', '--endpoint', address.url, '--bucket', BUCKET, '--passphrase-file', passphrase],
      ...[tarCreate, '/usr/bin/split', '', 'bench', '1', '/bin/cat', '', '0000000', directory, '0', '*'],
    ];
    const { status, output, seconds, samples } = await sampled(
      `${group?.join ?? ':'} && exec dist/bin/BackupPC_archiveHost_b2 ${words.map((word) => `'${word}'`).join(' ')}`,
      {
        BACKUPPC_B2_NODE: process.execPath,
        B2_APPLICATION_KEY_ID: address.keyId,
        B2_APPLICATION_KEY: address.key,
      },
    );
    if (status !== 0) throw new Error(`ended with ${status ?? 'a signal'}: ${output}`);
    const peak = group?.peakBytes();
    const rows: Row[] = quartersOf(samples).map((quarter, index) => ({
      'of the stream': `${(index * gib) / QUARTERS}–${((index + 1) * gib) / QUARTERS} GiB`,
      'peak RSS MiB': Math.round(Math.max(...quarter) / MIB),
    }));
    const limited = group === undefined ? 'no limit of the kernel' : `a limit of ${limitMib} MiB by cgroup`;
    const notes = [
      `${gib} GiB in ${seconds.toFixed(0)} s (${Math.round((gib * 1024 * MIB) / 1e6 / seconds)} MB/s), under ${limited}. Resident memory is the sum over the process tree, tarCreate among it.`,
      ...(peak === undefined
        ? []
        : [
            `Peak of the control group, kernel memory and page cache among it: ${Math.round(peak / MIB)} MiB.`,
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
    server.kill();
    group?.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @returns a tarCreate for a tree of `gib` GiB that takes the memory of one file */
function makeSource(directory: string, gib: number): string {
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

interface Sampled {
  readonly status: number | null;
  readonly output: string;
  readonly seconds: number;
  /** Resident bytes of the tree, evenly in time. */
  readonly samples: readonly number[];
}

async function sampled(command: string, environment: NodeJS.ProcessEnv): Promise<Sampled> {
  const began = performance.now();
  const child = spawn('sh', ['-c', command], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const samples: number[] = [];
  const sampler = setInterval(() => samples.push(treeBytes(child.pid ?? 0)), SAMPLE_MS);
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(sampler);
  return { status, output, seconds: (performance.now() - began) / 1000, samples };
}

function quartersOf(samples: readonly number[]): number[][] {
  const each = Math.ceil(samples.length / QUARTERS);
  return Array.from({ length: QUARTERS }, (_, index) => samples.slice(index * each, (index + 1) * each));
}
