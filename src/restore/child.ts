/** A stock program as a stage: bytes in, bytes out, and its failure as a `Failure` with the last it said. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import { Failure, oneLine, type FailureKind } from '../errors.js';

/** Most of a program's standard error that is kept for the message. */
const STDERR_BYTES = 4096;

export interface ChildOptions {
  readonly program: string;
  readonly words: readonly string[];
  /** `inherit`: our standard output; a number: that descriptor; another program: its standard input, without passing through us. */
  readonly stdout: 'pipe' | 'inherit' | 'ignore' | number | Child;
  /** Handed over on descriptor 3. */
  readonly secret?: string | undefined;
  /** What its failure is called. */
  readonly kind: FailureKind;
  readonly signal?: AbortSignal | undefined;
}

export class Child {
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  readonly #closed: Promise<void>;
  #said = '';
  #stdinBroken = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    const fd3 = options.secret === undefined ? [] : ['pipe' as const];
    const { stdout } = options;
    const next = stdout instanceof Child ? stdout : undefined;
    this.#process = spawn(options.program, options.words, {
      stdio: ['pipe', stdout instanceof Child ? stdout.stdin : stdout, 'pipe', ...fd3],
    });
    // Our own copy would keep the next program waiting for more.
    next?.stdin.destroy();
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-STDERR_BYTES);
    });
    // A program that ends early closes its input: its status tells why, not our EPIPE.
    this.stdin.on('error', () => {
      this.#stdinBroken = true;
    });
    if (options.secret !== undefined) {
      const secret = this.#process.stdio[3] as Writable;
      secret.on('error', () => undefined);
      secret.end(`${options.secret}\n`);
    }
    const stop = (): void => {
      this.#process.kill('SIGTERM');
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    this.#closed = new Promise((resolve, reject) => {
      this.#process.on('error', (cause) => {
        reject(
          new Failure('local', `cannot run ${options.program}`, {
            hint: `install ${options.program}`,
            cause,
          }),
        );
      });
      this.#process.on('close', (status, signal) => {
        options.signal?.removeEventListener('abort', stop);
        if (status === 0) resolve();
        else reject(this.#failure(status, signal));
      });
    });
    // Awaited through `closed()` or `finish()`; a failure that comes before is not unhandled.
    this.#closed.catch(() => undefined);
  }

  /** Whether it was ended by a signal: SIGPIPE, when the next program had ended. */
  get signalled(): boolean {
    return this.#process.signalCode !== null;
  }

  get stdin(): Writable {
    const { stdin } = this.#process;
    if (stdin === null) throw new Error('no standard input');
    return stdin;
  }

  get stdout(): AsyncIterable<Uint8Array> {
    const { stdout } = this.#process;
    if (stdout === null) throw new Error('no standard output');
    return stdout as AsyncIterable<Uint8Array>;
  }

  /** Resolves when the system has taken `bytes`: until then they must not change. @throws the program's failure when it has ended */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#stdinBroken || this.stdin.destroyed) {
      await this.#closed;
      throw new Failure(this.#options.kind, `${this.#options.program} ended before it had read everything`);
    }
    await new Promise<void>((resolve) => {
      this.stdin.write(bytes, () => {
        resolve();
      });
    });
  }

  /** Ends its input and waits for its end. @throws Failure when its status is not 0 */
  async finish(): Promise<void> {
    this.stdin.end();
    await this.#closed;
  }

  closed(): Promise<void> {
    return this.#closed;
  }

  kill(): void {
    this.#process.kill('SIGTERM');
    this.stdin.destroy();
  }

  #failure(status: number | null, signal: NodeJS.Signals | null): Failure {
    const { program, kind } = this.#options;
    const lines = this.#said
      .split('\n')
      .map(oneLine)
      .filter((line) => line !== '');
    const how = status === null ? `was stopped by ${signal ?? 'a signal'}` : `ended with status ${status}`;
    return new Failure(kind, `${program} ${how}${lines.length > 0 ? `: ${lines.slice(-2).join('; ')}` : ''}`);
  }
}
