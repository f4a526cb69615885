/** `status` and `bwlimit`: what a running archive does, and how fast it may do it. */
import { askControl } from '../../bandwidth/control-socket.js';
import type { LimitStatus } from '../../bandwidth/limiter.js';
import { EXIT_STATUS, Failure } from '../../errors.js';
import { formatDuration, progressFields, type Progress } from '../../reporting/progress.js';
import type { Output } from '../context.js';
import { runningArchives } from './control-sockets.js';

/** What a running archive says of itself. */
export interface RunningStatus {
  readonly pid: number;
  readonly host: string;
  readonly number: number;
  readonly startedAt: string;
  readonly progress: Progress;
  readonly limit: LimitStatus;
}

/** One line or two for each running archive. @returns exit status: `notFound` when none runs */
export async function status(
  out: Pick<Output, 'write'>,
  options: { readonly json: boolean },
): Promise<number> {
  const running = await askAll<RunningStatus>({ command: 'status' });
  if (options.json) out.write(`${JSON.stringify(running)}\n`);
  else if (running.length === 0) out.write('no archive is running\n');
  else {
    for (const { pid, host, number, progress, limit } of running) {
      out.write(
        `${host} #${number} (pid ${pid}), for ${formatDuration(progress.elapsedMs)}: ${progressFields(progress).join(', ')}\n`,
      );
      const next = limit.next === undefined ? '' : `; next ${limit.next}`;
      const auto =
        limit.auto === undefined ? '' : `; auto: ${limit.auto.state}, ${limit.auto.queueMs} ms of queue`;
      out.write(`  upload limit ${limit.rate}, ${limit.reason}${next}${auto}\n`);
    }
  }
  return running.length === 0 ? EXIT_STATUS.notFound : EXIT_STATUS.ok;
}

/** Sets the limit of every archive that runs here. @throws Failure `notFound` when none does, `usage` for a limit nobody understands */
export async function setLimit(out: Pick<Output, 'write'>, limit: string): Promise<number> {
  const answers = await askAll<LimitStatus>({ command: 'bwlimit', limit });
  if (answers.length === 0) throw new Failure('notFound', 'no archive is running on this machine');
  for (const answer of answers) out.write(`upload limit now ${answer.rate}\n`);
  return EXIT_STATUS.ok;
}

async function askAll<T>(request: { command: string; limit?: string }): Promise<T[]> {
  const answers: T[] = [];
  for (const socket of await runningArchives()) {
    try {
      answers.push((await askControl(socket, request)) as T);
    } catch (error) {
      // The socket of an archive that was killed stays behind.
      if (!(error instanceof Failure && error.kind === 'notFound')) throw error;
    }
  }
  return answers;
}
