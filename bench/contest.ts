/** Commands side by side against one B2 server in drop mode: same input, same run, taking turns. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BENCH_BUCKET, startBenchServer, type BenchServer } from './b2-server.js';
import { runShell, type RunFigures } from './process-run.js';
import { median, spread, type Row } from './report.js';

export interface Contestant {
  readonly name: string;
  /** For bash; `$INPUT`, `$PASS` (a passphrase file), `$BUCKET`, `$DIR` (scratch) and `$OURS` (our program with its common flags) are set; with `tls` also `$RCLONE_TLS` and `$OURS_TLS`. */
  readonly command: string;
  /** Bytes of scratch disk it needs, as a multiple of the input. */
  readonly disk?: number;
}

export interface ContestResult {
  readonly name: string;
  readonly figures: readonly RunFigures[];
}

function rclone({ url, keyId, key }: BenchServer): string {
  return `rclone --config /dev/null --b2-account ${keyId} --b2-key ${key} --b2-endpoint ${url} rcat`;
}

function ours({ url }: BenchServer, passphraseFile: string, stateDirectory: string): string {
  return `BACKUPPC_B2_NODE=${process.execPath} BACKUPPC_B2_CONFIG=/dev/null dist/bin/backuppc-b2 archive --again --host bench --number 1 --endpoint ${url} --bucket ${BENCH_BUCKET} --passphrase-file ${passphraseFile} --state-dir ${stateDirectory}`;
}

/** Runs every contestant `rounds` times, one after the other in each round, after a warm-up round of nothing but reading the input. */
export async function contest(
  contestants: readonly Contestant[],
  input: string,
  rounds: number,
  { tls = false }: { readonly tls?: boolean } = {},
): Promise<ContestResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'contest-'));
  const servers: BenchServer[] = [];
  try {
    const plain = await startBenchServer();
    servers.push(plain);
    const pass = join(directory, 'pass');
    writeFileSync(pass, 'bench passphrase\n', { mode: 0o600 });
    const gnupg = mkdtempSync(join(directory, 'gnupg-'));
    const environment = {
      INPUT: input,
      PASS: pass,
      BUCKET: BENCH_BUCKET,
      DIR: directory,
      GNUPGHOME: gnupg,
      B2_APPLICATION_KEY_ID: plain.keyId,
      B2_APPLICATION_KEY: plain.key,
      B2_ENDPOINT: plain.url,
      B2_BUCKET: BENCH_BUCKET,
      GPG: `gpg --batch --quiet --pinentry-mode loopback --passphrase-file ${pass} -z0 -c`,
      RCLONE: rclone(plain),
      OURS: ours(plain, pass, directory),
    };
    const secure: Record<string, string> = {};
    if (tls) {
      const server = await startBenchServer({ tls: true });
      servers.push(server);
      secure['RCLONE_TLS'] =
        `${rclone(server).replace(/ rcat$/, '')} --ca-cert ${server.authority ?? ''} rcat`;
      secure['OURS_TLS'] = `NODE_EXTRA_CA_CERTS=${server.authority ?? ''} ${ours(server, pass, directory)}`;
    }
    await runShell(`cat ${input} > /dev/null`, environment);
    const results = contestants.map(({ name }) => ({ name, figures: [] as RunFigures[] }));
    for (let round = 0; round < rounds; round++) {
      for (const [index, contestant] of contestants.entries()) {
        const figures = await runShell(contestant.command, { ...environment, ...secure });
        if (figures.status !== 0)
          throw new Error(
            `${contestant.name} ended with ${figures.status ?? 'a signal'}: ${figures.output.slice(-500)}`,
          );
        results[index]?.figures.push(figures);
      }
    }
    return results;
  } finally {
    for (const server of servers) server.stop();
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
