/** A compressor as a child process: bytes in, bytes out, and every bad end a `Failure` with the reason. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { Failure, oneLine } from '../errors.js';

/** Most of a program's standard error that is kept for the message. */
const STDERR_CHARACTERS = 2000;

/** Without BZIP2, XZ_OPT, ZSTD_CLEVEL and their like: the same tar must give the same bytes. */
export function bareEnvironment(env = process.env): NodeJS.ProcessEnv {
  return { PATH: env['PATH'], LC_ALL: 'C' };
}

export class Program {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #output: Readable | null;
  readonly #messages: Readable;
  readonly #closed: Promise<Failure | undefined>;
  #said = '';
  #refusedInput = false;
  #stoppedBy: { readonly reason: unknown } | undefined;

  /**
   * @param signal Kills it; `finished` then rejects with the signal's reason.
   * @param stdout Where it writes; `output` reads it if that is a pipe.
   */
  constructor(
    name: string,
    words: readonly string[],
    env: NodeJS.ProcessEnv,
    signal: AbortSignal,
    stdout: 'pipe' | Socket = 'pipe',
  ) {
    this.name = name;
    const child: ChildProcess = spawn(name, words, { env, stdio: ['pipe', stdout, 'pipe'] });
    const cannotStart = new Promise<Failure>((resolve) => {
      child.on('error', (cause) => {
        resolve(cannotRun(name, cause));
      });
    });
    const { stdin, stderr } = child;
    // So it is when there are no more file descriptors.
    if (!stdin || !stderr) throw new Failure('local', `cannot run the compressor ${name}: no pipes`);
    this.#child = child;
    this.#input = stdin;
    this.#output = child.stdout;
    this.#messages = stderr;
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-STDERR_CHARACTERS);
    });
    // A program that ends early closes its input: its status tells why, not our EPIPE.
    stdin.on('error', () => {
      this.#refusedInput = true;
    });
    const stop = (): void => {
      this.#stoppedBy ??= { reason: signal.reason };
      this.kill();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
    const ended = new Promise<Failure | undefined>((resolve) => {
      child.on('close', (status, killedBy) => {
        signal.removeEventListener('abort', stop);
        resolve(this.#failure(status, killedBy));
      });
    });
    this.#closed = Promise.race([cannotStart, ended]);
  }

  get output(): Readable {
    if (this.#output === null) throw new Error(`${this.name} does not write to a pipe`);
    return this.#output;
  }

  /** Resolves when `bytes` are in the pipe and may be overwritten. @returns false when the program takes no more */
  write(bytes: Uint8Array): Promise<boolean> {
    if (this.#refusedInput || this.#input.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#input.write(bytes, (error) => {
        resolve(error === null || error === undefined);
      });
    });
  }

  endInput(): void {
    this.#input.end();
  }

  /** Resolves when it has come to a good end. @throws Failure */
  async finished(): Promise<void> {
    const failure = await this.#closed;
    if (this.#stoppedBy !== undefined) throw this.#stoppedBy.reason;
    if (failure !== undefined) throw failure;
  }

  /** At once, and whatever it holds is thrown away: it reads and writes nothing but our pipes. */
  kill(): void {
    this.#child.kill('SIGKILL');
    this.#input.destroy();
    // A grandchild may hold these open: nobody waits for it.
    this.#output?.destroy();
    this.#messages.destroy();
  }

  #failure(status: number | null, killedBy: NodeJS.Signals | null): Failure | undefined {
    const lines = this.#said
      .split('\n')
      .map(oneLine)
      .filter((line) => line !== '');
    const words = lines.length > 0 ? `: ${lines.slice(-2).join('; ')}` : '';
    if (status === null) return bad(`${this.name} was killed by ${killedBy ?? 'a signal'}${words}`);
    if (status !== 0) return bad(`${this.name} ended with status ${status}${words}`);
    if (lines.length > 0) return bad(`${this.name} wrote to standard error${words}`);
    if (this.#refusedInput) return bad(`${this.name} ended before it had read everything`);
    return undefined;
  }
}

function bad(message: string): Failure {
  return new Failure('local', message, {
    hint: 'nothing of this archive was finished; try another --compress',
  });
}

function cannotRun(name: string, cause: Error): Failure {
  const code = 'code' in cause ? cause.code : undefined;
  const why =
    code === 'ENOENT'
      ? 'there is no such program'
      : code === 'EACCES'
        ? 'it is not executable'
        : cause.message;
  return new Failure('local', `cannot run the compressor ${name}: ${why}`, {
    hint: `install ${name}, or choose another codec with --compress`,
    cause,
  });
}
