/** A compressor as a child process. Every bad end becomes a `Failure` with the reason. */
import type { Socket } from 'node:net';
import { Failure } from '../errors.js';
import { Child, type ChildEnd, howItEnded, lastWords } from '../pipes/child.js';

/** Without BZIP2, XZ_OPT, ZSTD_CLEVEL and the like: the same tar must give the same bytes. */
export function bareEnvironment(env = process.env): NodeJS.ProcessEnv {
  return { PATH: env['PATH'], LC_ALL: 'C' };
}

/** @param stdout where it writes; `output` reads it if that is a pipe. @throws Failure `local` without descriptors */
export function startCompressor(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  stdout: 'pipe' | Socket = 'pipe',
): Child {
  return new Child({ program, words, env, stdout, signal, judge: (end) => compressorFailure(program, end) });
}

/** A compressor that complains may have left something out: only silence and status 0 are good. */
export function compressorFailure(name: string, end: ChildEnd): Failure | undefined {
  if (end.kind === 'notStarted') {
    return new Failure('local', howItEnded(`the compressor ${name}`, end) ?? name, {
      hint: `install ${name}, or choose another codec with --compress`,
      cause: end.cause,
    });
  }
  const bad = howItEnded(name, end);
  if (bad !== undefined) return failed(bad);
  if (end.said.length > 0) return failed(`${name} wrote to standard error${lastWords(end.said)}`);
  if (end.kind === 'exited' && end.refusedInput) return failed(`${name} ended before it had read everything`);
  return undefined;
}

function failed(message: string): Failure {
  return new Failure('local', message, {
    hint: 'nothing of this archive was finished; try another --compress',
  });
}
