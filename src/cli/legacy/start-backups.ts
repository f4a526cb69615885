/** `--start-backups`: asks BackupPC for archives of the hosts that need one most, as the older Python scripts did after a clean-up. */
import { spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { neediest, type Candidate } from '../../catalog/retention.js';
import { Failure } from '../../errors.js';
import type { CatalogContext } from '../context.js';
import { archivesOf } from '../archives.js';
import { storeNow } from '../store-clock.js';

export interface StartOptions {
  /** BackupPC's archive host: whose configuration has our ArchiveClientCmd. */
  readonly archiveHost: string;
  /** BackupPC_archiveStart. */
  readonly program: string;
  /** Hosts with this many finished archives need no new one. */
  readonly target: number;
  /** How many hosts to start. */
  readonly count: number;
  readonly dryRun: boolean;
  /** Count archives of the older scripts too. */
  readonly legacy?: boolean | undefined;
}

/** Runs a program and resolves with its status; its output goes where ours goes. */
export type RunProgram = (program: string, words: readonly string[]) => Promise<number>;

const runProgram: RunProgram = (program, words) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (cause) => {
      reject(
        new Failure('local', `cannot run ${program}`, {
          hint: '--archive-start names BackupPC_archiveStart; it runs as BackupPC’s user',
          cause,
        }),
      );
    });
    child.on('close', (status, signal) => {
      resolve(status ?? (signal === null ? 1 : 128));
    });
  });

/** Reads the catalog again, because deleted archives no longer count. */
export async function startBackups(
  context: CatalogContext,
  options: StartOptions,
  run: RunProgram = runProgram,
): Promise<void> {
  const archives: Candidate[] = [];
  for await (const located of archivesOf(context, { legacy: options.legacy })) {
    const { host, number, state, proof, finishedAt, lastActivityAt, rerunning } = located.archive;
    const unproven = proof === 'file-info' ? await context.judge.whyUnproven(located) : undefined;
    archives.push({ host, number, state, proof, finishedAt, lastActivityAt, rerunning, unproven });
  }
  const needs = neediest(archives, options.target, storeNow(context, await context.openBuckets())).slice(
    0,
    options.count,
  );
  if (needs.length === 0) context.out.write('No host needs an archive.\n');
  for (const { host, score } of needs) {
    context.out.write(
      `${options.dryRun ? 'Would start' : 'Starting'} an archive of ${host} (score ${score.toFixed(1)})\n`,
    );
    if (options.dryRun) continue;
    const status = await run(options.program, [options.archiveHost, userInfo().username, host]);
    if (status !== 0)
      throw new Failure('local', `${options.program} ended with status ${status} for ${host}`);
  }
}
