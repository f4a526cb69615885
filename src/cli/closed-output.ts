/** What a command does when nobody reads its output any more (`… | head`): one rule for all of them. */
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { errorCode, EXIT_STATUS } from '../errors.js';

/**
 * - `end`: it only prints, and the reader has seen enough. Exits with 0, silently.
 * - `interrupt`: its exit status is an answer that it has not reached. Exits with 12, silently.
 * - `go-on`: it changes something, and finishes what it has begun.
 */
type WhenClosed = 'end' | 'interrupt' | 'go-on';

const RULES: Readonly<Record<string, WhenClosed>> = {
  // It keeps a log of its own for this case.
  archive: 'go-on',
  bwlimit: 'go-on',
  cleanup: 'go-on',
  delete: 'go-on',
  doctor: 'go-on',
  // When it writes the tar to standard output, it notices by itself that the reader is gone.
  restore: 'go-on',
  setup: 'go-on',
  verify: 'interrupt',
};

export class ClosedOutput {
  #rule: WhenClosed = 'end';

  /** @param exit ends the process */
  constructor(
    streams: readonly Writable[],
    exit: (status: number) => void = (status) => process.exit(status),
  ) {
    for (const stream of streams) {
      stream.on('error', (error: unknown) => {
        if (this.#rule === 'end' && errorCode(error) === 'EPIPE') exit(EXIT_STATUS.ok);
        // Such as a full disk: the answer could not be written.
        else if (this.#rule === 'end') exit(EXIT_STATUS.local);
        else if (this.#rule === 'interrupt') exit(EXIT_STATUS.interrupted);
      });
    }
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
