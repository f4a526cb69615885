/** `status` and `bwlimit`: what a running archive does, and how fast it may do it. */
import { askControl } from '../../bandwidth/control-socket.js';
import { asFailure, EXIT_STATUS, Failure, oneLine } from '../../errors.js';
import { formatDuration, progressFields } from '../../reporting/progress.js';
import { printableJson } from '../../printable.js';
import type { Output } from '../context.js';
import { limitStatus, runningStatus } from './answers.js';
import { runningArchives, userOf } from './control-sockets.js';

/** One line or two for each running archive. @returns exit status: `notFound` when none runs */
export async function status(
  out: Pick<Output, 'write' | 'note'>,
  options: { readonly json: boolean },
): Promise<number> {
  const running = await askAll(out, { command: 'status' }, runningStatus, await runningArchives());
  if (options.json) out.write(`${printableJson(running)}\n`);
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

/** Which of the running archives; empty: all of them. */
export interface Which {
  readonly host?: string | undefined;
  readonly number?: number | undefined;
}

/**
 * Sets the limit of running archives of one user: if several users have some, root has to say whose.
 * @throws Failure `notFound` if none runs, `usage` for an invalid limit
 */
export async function setLimit(
  out: Pick<Output, 'write' | 'note'>,
  limit: string,
  { host, number }: Which = {},
): Promise<number> {
  const sockets: string[] = [];
  for (const socket of await runningArchives()) {
    if (host === undefined && number === undefined) sockets.push(socket);
    else
      for (const run of await askAll(out, { command: 'status' }, runningStatus, [socket]))
        if (run.host === (host ?? run.host) && run.number === (number ?? run.number)) sockets.push(socket);
  }
  const named = [host, number === undefined ? undefined : `#${number}`].filter((word) => word !== undefined);
  const which = named.length === 0 ? '' : ` of ${named.join(' ')}`;
  if (new Set(sockets.map(userOf)).size > 1)
    throw new Failure('usage', `archives${which} of several users are running, and nothing was changed`, {
      hint: 'pick one with --host HOST --number N, or run this as the user whose archives are meant',
    });
  const answers = await askAll(out, { command: 'bwlimit', limit }, limitStatus, sockets);
  if (answers.length === 0) throw new Failure('notFound', `no archive${which} is running on this machine`);
  for (const answer of answers) out.write(`upload limit now ${answer.rate}\n`);
  return EXIT_STATUS.ok;
}

/** Asks all of them, even if one answers nonsense or nothing. */
async function askAll<T>(
  out: Pick<Output, 'note'>,
  request: { command: string; limit?: string },
  understand: (answer: unknown) => T | undefined,
  sockets: readonly string[],
): Promise<T[]> {
  const answers: T[] = [];
  for (const socket of sockets) {
    try {
      const answer = understand(await askControl(socket, request));
      if (answer === undefined) out.note(`what answers at ${socket} is not an archive of this program`);
      else answers.push(answer);
    } catch (error) {
      const failure = asFailure(error);
      // The requested limit is invalid for all of them.
      if (failure.kind === 'usage') throw failure;
      // The socket of an archive that was killed stays behind.
      if (failure.kind !== 'notFound') out.note(oneLine(failure.message));
    }
  }
  return answers;
}
