import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Runs a program to its end. @returns its output; throws with its errors when it fails */
export function sh(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

export function succeeds(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** A program that runs beside the test, and what it printed so far. */
export class Program {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #ended = false;

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const [program = '', ...rest] = args;
    this.#child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that a pipeline is stopped as a whole.
      detached: true,
      env: { ...process.env, ...environment },
    });
    this.#exit = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (c, s) => {
        if (process.env['B2_DEBUG']) console.error('EXIT', c, s, this.#child.pid, args.slice(4, 7).join(' '));
        resolve(c);
      });
    });
    const end = () => {
      this.#ended = true;
    };
    this.#exit.then(end, end);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The first line that matches, as soon as it is there. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#ended)
        throw new Error(`ended without a line like ${String(pattern)}: ${this.lines.slice(-5).join(' / ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** @returns the exit status; null when a signal ended it */
  exit(): Promise<number | null> {
    return this.#exit;
  }

  /** Ends the program and all it started. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.#ended && this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    await this.#exit.catch(() => undefined);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
