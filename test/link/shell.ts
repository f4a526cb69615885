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
  #end: string | undefined;

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const [program = '', ...rest] = args;
    this.#child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that a pipeline is stopped as a whole.
      detached: true,
      env: { ...process.env, ...environment },
    });
    this.#exit = new Promise((resolve, reject) => {
      this.#child.once('error', (error) => {
        this.#end = error.message;
        reject(error);
      });
      this.#child.once('exit', (status, signal) => {
        this.#end = signal ?? `status ${String(status)}`;
        resolve(status);
      });
    });
    this.#exit.catch(() => undefined);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
  }

  /** How it ended, by status or signal; undefined while it runs. */
  get end(): string | undefined {
    return this.#end;
  }

  /** The first line that matches, as soon as it is there. */
  async line(pattern: RegExp, withinMs = 20_000): Promise<string> {
    const find = (): string | undefined => this.lines.find((line) => pattern.test(line));
    await until(() => find() !== undefined || this.#end !== undefined, withinMs);
    const found = find();
    if (found !== undefined) return found;
    const how = this.#end === undefined ? `${withinMs} ms` : `it ended (${this.#end})`;
    throw new Error(`no line like ${String(pattern)} before ${how}: ${this.lines.slice(-5).join(' / ')}`);
  }

  /** @returns the exit status; null when a signal ended it */
  exit(): Promise<number | null> {
    return this.#exit;
  }

  /** Ends the program and all it started. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#end === undefined && this.#child.pid !== undefined) {
      try {
        process.kill(-this.#child.pid, signal);
      } catch {
        // Ended at this moment.
      }
    }
    await this.#exit.catch(() => undefined);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Waits until it is so, but no longer than that. @returns whether it came to be so */
export async function until(so: () => boolean, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs;
  while (!so()) {
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}
