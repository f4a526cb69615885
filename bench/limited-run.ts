/** One archive as BackupPC starts it, to a B2 server on loopback that drops what it gets, in a control group. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BENCH_BUCKET, startBenchServer } from './b2-server.js';
import { controlGroup, type Limits } from './control-group.js';
import { treeBytes } from './process-run.js';

const SAMPLE_MS = 100;

export interface LimitedRun {
  readonly seconds: number;
  /** Resident bytes of the tree, tarCreate among it, evenly in time. */
  readonly samples: readonly number[];
  /** Peak of the control group, kernel memory and page cache among it. */
  readonly peakBytes: number | undefined;
  /** Whether the kernel held the limits. */
  readonly limited: boolean;
}

/**
 * @param tarCreate A program that stands for BackupPC's.
 * @param launch Words in front of the program, such as `taskset -c 0`.
 */
export async function limitedRun(
  tarCreate: string,
  limits: Limits,
  flags: readonly string[] = [],
  launch: readonly string[] = [],
): Promise<LimitedRun> {
  const directory = mkdtempSync(join(tmpdir(), 'limited-run-'));
  const server = await startBenchServer();
  const group = controlGroup(limits);
  try {
    const passphrase = join(directory, 'passphrase');
    writeFileSync(passphrase, 'bench passphrase\n', { mode: 0o600 });
    const words = [
      ...launch,
      ...['dist/bin/BackupPC_archiveHost_b2', '-q', '--endpoint', server.url, '--bucket', BENCH_BUCKET],
      ...['--passphrase-file', passphrase, ...flags],
      ...[tarCreate, '/usr/bin/split', '', 'bench', '1', '/bin/cat', '', '0000000', directory, '0', '*'],
    ];
    const began = performance.now();
    const { status, output, samples } = await sampled(
      `${group?.join ?? ':'} && exec ${words.map((word) => `'${word}'`).join(' ')}`,
      {
        BACKUPPC_B2_NODE: process.execPath,
        BACKUPPC_B2_CONFIG: '/dev/null',
        B2_APPLICATION_KEY_ID: server.keyId,
        B2_APPLICATION_KEY: server.key,
      },
    );
    if (status !== 0) throw new Error(`ended with ${status ?? 'a signal'}: ${output}`);
    return {
      seconds: (performance.now() - began) / 1000,
      samples,
      peakBytes: group?.peakBytes(),
      limited: group !== undefined,
    };
  } finally {
    server.stop();
    group?.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function sampled(
  command: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly status: number | null; readonly output: string; readonly samples: readonly number[] }> {
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
  return { status, output, samples };
}
