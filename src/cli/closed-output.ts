/** What a command does when nobody reads its output any more (`… | head`), or the disk under it is full: one rule for all of them. */
import { writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { cannotWrite, errorCode, EXIT_STATUS } from '../errors.js';

const STDERR = 2;

/** The process ends behind it. */
function sayAtOnce(line: string): void {
  try {
    writeSync(STDERR, `${line}\n`);
  } catch {
    // That one is closed or full, too: the status has to do.
  }
}

/**
 * - `end`: it only prints, and the reader has seen enough. Exits with 0, silently; with 12 where there was no output from the beginning.
 * - `interrupt`: its exit status is an answer that it has not reached. Exits with 12, silently.
 * - `go-on`: it changes something, and finishes what it has begun.
 * - `itself`: it notices what happens to its output, and reports it.
 */
type WhenClosed = 'end' | 'interrupt' | 'go-on' | 'itself';

const RULES: Readonly<Record<string, WhenClosed>> = {
  archive: 'itself',
  bwlimit: 'go-on',
  cleanup: 'go-on',
  delete: 'go-on',
  doctor: 'go-on',
  restore: 'itself',
  setup: 'go-on',
  verify: 'interrupt',
};

export class ClosedOutput {
  #rule: WhenClosed = 'end';
  #told = false;
  readonly #exit: (status: number) => void;
  readonly #say: (line: string) => void;

  /** @param exit ends the process @param say a line where people read errors */
  constructor(
    streams: readonly Writable[],
    exit: (status: number) => void = (status) => process.exit(status),
    say: (line: string) => void = sayAtOnce,
  ) {
    this.#exit = exit;
    this.#say = say;
    // Commander's help goes to Node's own standard output, which may be the same.
    for (const stream of new Set(streams))
      stream.on('error', (error: unknown) => {
        if (errorCode(error) === 'EBADF') this.#neverOpen();
        else if (errorCode(error) === 'EPIPE') this.#closed();
        else this.#unwritable(error);
      });
  }

  #closed(): void {
    if (this.#rule === 'end') this.#exit(EXIT_STATUS.ok);
    else if (this.#rule === 'interrupt') this.#exit(EXIT_STATUS.interrupted);
  }

  /** Nobody can have read anything. */
  #neverOpen(): void {
    if (this.#rule === 'end' || this.#rule === 'interrupt') this.#exit(EXIT_STATUS.interrupted);
  }

  /** The answer did not get there. */
  #unwritable(error: unknown): void {
    if (this.#rule === 'itself') return;
    if (!this.#told) this.#say(`backuppc-b2: ${cannotWrite('standard output', error).message}`);
    this.#told = true;
    if (this.#rule !== 'go-on') this.#exit(EXIT_STATUS.local);
  }

  /** From now on the rule of this command holds. */
  begin(command: string): void {
    this.#rule = RULES[command] ?? 'end';
  }

  /** Each command of the tree begins with its own rule. */
  watch(program: Command): void {
    program.hook('preAction', (_program, command) => {
      this.begin(command.name());
    });
  }
}
