/** Runs a restore script for real. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { piecesOf, restoreScript, type ScriptPlan } from '../../src/catalog/restore-script.js';
import { PASSPHRASE, type MadeArchive } from './archive.js';
import type { DownloadServer } from './download-server.js';

export interface Outcome {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** What was left in TMPDIR. */
  readonly leftBehind: readonly string[];
}

export const HOST = `we'b $(touch PWNED) "1"\n\`x\``;

/** A plan for the archive, its objects put onto the server. */
export function planFor(
  archive: MadeArchive,
  server: DownloadServer,
  more: Partial<ScriptPlan> = {},
): ScriptPlan {
  const volumes = archive.volumes.map(({ suffix, bytes, parts }, index) => {
    const name = `pre fix/${HOST}.1.tar.${suffix}.gpg`;
    server.files.set(name, bytes);
    const dataBytes = archive.dataBytes[index];
    return {
      name,
      fileId: `4_z${index}`,
      encrypted: true,
      dataBytes,
      pieces: piecesOf(bytes.length, parts, undefined),
    };
  });
  return {
    host: HOST,
    number: 1,
    program: 'backuppc-b2 test',
    madeAt: 0,
    storedAt: 0,
    problems: [],
    access: { kind: 'token', token: server.token, baseUrl: server.baseUrl, expiresAt: 4_000_000_000 },
    decompress: undefined,
    gpgVersion: [2, 2, 21],
    volumes,
    ...more,
  };
}

export async function runScript(
  shell: string | readonly [string, ...string[]],
  archive: MadeArchive,
  plan: ScriptPlan,
  words: readonly string[],
  more: { passphrase?: string | Uint8Array; environment?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const directory = mkdtempSync(join(archive.directory, 'run-'));
  const temporary = join(directory, 'tmp dir');
  const file = join(directory, 'restore.sh');
  writeFileSync(file, restoreScript(plan));
  writeFileSync(join(directory, 'passphrase'), more.passphrase ?? PASSPHRASE, { mode: 0o600 });
  mkdirSync(temporary);
  const [program, ...shellWords] = typeof shell === 'string' ? ([shell] as const) : shell;
  const child = spawn(
    program,
    [...shellWords, file, '--passphrase-file', join(directory, 'passphrase'), ...words],
    {
      cwd: directory,
      env: { ...archive.environment, TMPDIR: temporary, RESTORE_PAUSE: '0', ...more.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const leftBehind = [
    ...readdirSync(temporary),
    ...readdirSync(directory).filter((name) => name.startsWith('PWNED')),
  ];
  rmSync(directory, { recursive: true, force: true });
  return { status, stdout: Buffer.concat(stdout), stderr, leftBehind };
}
