/** Commands side by side against one B2 server in drop mode: same input, same run, taking turns. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runShell, type RunFigures } from './process-run.js';
import { median, spread, type Row } from './report.js';

export interface Contestant {
  readonly name: string;
  /** For bash; `$INPUT`, `$PASS` (a passphrase file), `$BUCKET`, `$DIR` (scratch) and `$OURS` (our program with its common flags) are set. */
  readonly command: string;
  /** Bytes of scratch disk it needs, as a multiple of the input. */
  readonly disk?: number;
}

export interface ContestResult {
  readonly name: string;
  readonly figures: readonly RunFigures[];
}

/** Runs every contestant `rounds` times, one after the other in each round, after a warm-up round of nothing but reading the input. */
export async function contest(
  contestants: readonly Contestant[],
  input: string,
  rounds: number,
): Promise<ContestResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'contest-'));
  const bucket = 'bench-bucket';
  const server = spawn(
    process.execPath,
    ['dist/test/support/b2-server/main.js', '--data', 'drop', '--bucket', bucket, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const address = await new Promise<{ url: string; keyId: string; key: string }>((resolve) => {
      server.stdout.once('data', (line: Buffer) => {
        resolve(JSON.parse(line.toString()) as { url: string; keyId: string; key: string });
      });
    });
    const pass = join(directory, 'pass');
    writeFileSync(pass, 'bench passphrase\n', { mode: 0o600 });
    const gnupg = mkdtempSync(join(directory, 'gnupg-'));
    const environment = {
      INPUT: input,
      PASS: pass,
      BUCKET: bucket,
      DIR: directory,
      GNUPGHOME: gnupg,
      B2_APPLICATION_KEY_ID: address.keyId,
      B2_APPLICATION_KEY: address.key,
      B2_ENDPOINT: address.url,
      B2_BUCKET: bucket,
      GPG: `gpg --batch --quiet --pinentry-mode loopback --passphrase-file ${pass} -z0 -c`,
      RCLONE: `rclone --config /dev/null --b2-account ${address.keyId} --b2-key ${address.key} --b2-endpoint ${address.url} rcat`,
      OURS: `BACKUPPC_B2_NODE=${process.execPath} dist/bin/backuppc-b2 archive --host bench --number 1 --endpoint ${address.url} --bucket ${bucket} --passphrase-file ${pass} --state-dir ${directory}`,
    };
    await runShell(`cat ${input} > /dev/null`, environment);
    const results = contestants.map(({ name }) => ({ name, figures: [] as RunFigures[] }));
    for (let round = 0; round < rounds; round++) {
      for (const [index, contestant] of contestants.entries()) {
        const figures = await runShell(contestant.command, environment);
        if (figures.status !== 0)
          throw new Error(
            `${contestant.name} ended with ${figures.status ?? 'a signal'}: ${figures.output.slice(-500)}`,
          );
        results[index]?.figures.push(figures);
      }
    }
    return results;
  } finally {
    server.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A row per contestant; times as multiples of ours, which is the one whose name begins with "backuppc-b2". */
export function contestRows(results: readonly ContestResult[], inputBytes: number): Row[] {
  const walls = (result: ContestResult): number[] => result.figures.map((figures) => figures.wallSeconds);
  const ours = results.find(({ name }) => name.startsWith('backuppc-b2'));
  return results.map((result) => ({
    program: result.name,
    'wall s': spread(walls(result)),
    'MB/s': Math.round(inputBytes / 1e6 / median(walls(result))),
    'CPU s': spread(result.figures.map((figures) => figures.cpuSeconds)),
    'peak RSS MiB': Math.round(median(result.figures.map((figures) => figures.peakBytes)) / 2 ** 20),
    '× our time': ours === undefined ? '' : (median(walls(result)) / median(walls(ours))).toFixed(2),
  }));
}
