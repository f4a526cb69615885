/** A child process as a stage: bytes in, bytes out. Reports how it ended; the caller decides what that means. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { errorCode, Failure, oneLine } from '../errors.js';

/** How much of a program's standard error is kept for messages. */
const STDERR_CHARACTERS = 4096;

export type ChildEnd =
  | { readonly kind: 'notStarted'; readonly cause: Error }
  | {
      readonly kind: 'exited';
      readonly status: number;
      /** The last lines of its standard error. */
      readonly said: readonly string[];
      /** It closed its input before reading everything. */
      readonly refusedInput: boolean;
    }
  | { readonly kind: 'signalled'; readonly by: NodeJS.Signals; readonly said: readonly string[] };

export interface ChildOptions {
  readonly program: string;
  readonly words: readonly string[];
  /** Default: ours. */
  readonly env?: NodeJS.ProcessEnv;
  /** `inherit`: our standard output; a number: that descriptor; a socket: that connection. `output` reads a pipe only. */
  readonly stdout: 'pipe' | 'inherit' | 'ignore' | number | Socket;
  /** Called for each line of standard error; the last ones are also kept for messages. */
  readonly onLine?: (line: string) => void;
  /** It leads a process group, which is killed with it. */
  readonly ownGroup?: boolean;
  /** Passed on descriptor 3, with a newline. */
  readonly secret?: Uint8Array | undefined;
  /** Turns its end into a failure; undefined for success. */
  readonly judge: (end: ChildEnd) => Failure | undefined;
  /** Kills it; `finished` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export class Child {
  readonly name: string;
  /** How it ended; never rejects. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #judge: ChildOptions['judge'];
  readonly #ownGroup: boolean;
  #said = '';
  #refusedInput = false;
  #stoppedBy: { readonly reason: unknown } | undefined;

  /** @throws Failure `local` when there are no descriptors for its pipes */
  constructor({ program, words, env, stdout, onLine, ownGroup, secret, judge, signal }: ChildOptions) {
    this.name = program;
    this.#judge = judge;
    this.#ownGroup = ownGroup === true;
    const child: ChildProcess = spawn(program, words, {
      stdio: ['pipe', stdout, 'pipe', ...(secret === undefined ? [] : ['pipe' as const])],
      ...(env === undefined ? {} : { env }),
      detached: this.#ownGroup,
    });
    this.#process = child;
    const cannotStart = new Promise<ChildEnd>((resolve) => {
      child.on('error', (cause) => {
        resolve({ kind: 'notStarted', cause });
      });
    });
    // As happens when there are no more file descriptors.
    if (!child.stdin || !child.stderr) throw new Failure('local', `cannot run ${program}: no pipes`);
    this.#listen(child.stderr, onLine);
    // A program that ends early closes its input. Its status tells why; our EPIPE does not.
    child.stdin.on('error', () => {
      this.#refusedInput = true;
    });
    if (secret !== undefined) {
      const pipe = child.stdio[3] as Writable;
      pipe.on('error', () => undefined);
      pipe.end(Buffer.concat([secret, Buffer.from('\n')]));
    }
    const stop = (): void => {
      this.#stoppedBy ??= { reason: signal?.reason };
      this.kill();
    };
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop);
    const closed = new Promise<ChildEnd>((resolve) => {
      child.on('close', (status, by) => {
        signal?.removeEventListener('abort', stop);
        const said = linesOf(this.#said);
        if (status === null) resolve({ kind: 'signalled', by: by ?? 'SIGKILL', said });
        else resolve({ kind: 'exited', status, said, refusedInput: this.#refusedInput });
      });
    });
    this.ended = Promise.race([cannotStart, closed]);
  }

  #listen(stderr: Readable, onLine: ChildOptions['onLine']): void {
    let rest = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-STDERR_CHARACTERS);
      if (onLine === undefined) return;
      const lines = (rest + text).slice(-STDERR_CHARACTERS).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(oneLine(line));
    });
    stderr.on('end', () => {
      if (rest !== '') onLine?.(oneLine(rest));
    });
  }

  get output(): Readable {
    const { stdout } = this.#process;
    if (stdout === null) throw new Error(`${this.name} does not write to a pipe`);
    return stdout;
  }

  /** Resolves when `bytes` are in the pipe and may be overwritten. @returns false if the program takes no more */
  write(bytes: Uint8Array): Promise<boolean> {
    const { stdin } = this.#process;
    if (this.#refusedInput || stdin === null || stdin.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      stdin.write(bytes, (error) => {
        resolve(error === null || error === undefined);
      });
    });
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Resolves when it has succeeded. @throws its failure, or the reason of the signal that stopped it */
  async finished(): Promise<void> {
    const end = await this.ended;
    if (this.#stoppedBy !== undefined) throw this.#stoppedBy.reason;
    const failure = this.#judge(end);
    if (failure !== undefined) throw failure;
  }

  /** Kills it at once; whatever it holds is lost. */
  kill(): void {
    const { stdin, stdout, stderr } = this.#process;
    if (this.#ownGroup) killGroup(this.#process.pid);
    this.#process.kill('SIGKILL');
    stdin?.destroy();
    // A grandchild may hold these open: do not wait for it.
    stdout?.destroy();
    stderr?.destroy();
  }
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map(oneLine)
    .filter((line) => line !== '');
}

/** `tar ended with status 2: the last two lines it said`; undefined for status 0. */
export function howItEnded(name: string, end: ChildEnd): string | undefined {
  switch (end.kind) {
    case 'notStarted':
      return `cannot run ${name}: ${whyNot(end.cause)}`;
    case 'signalled':
      return `${name} was killed by ${end.by}${lastWords(end.said)}`;
    case 'exited':
      return end.status === 0 ? undefined : `${name} ended with status ${end.status}${lastWords(end.said)}`;
  }
}

/** `: ` and the last two lines; empty for none. */
export function lastWords(said: readonly string[]): string {
  // gpg's status lines are meant for programs.
  const words = said.filter((line) => !line.startsWith('[GNUPG:]'));
  return words.length > 0 ? `: ${words.slice(-2).join('; ')}` : '';
}

function whyNot(cause: Error): string {
  const code = errorCode(cause);
  if (code === 'ENOENT') return 'there is no such program';
  if (code === 'EACCES') return 'it is not executable';
  return cause.message;
}
