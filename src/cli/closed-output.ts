/** What a command does when nobody reads its output any more (`… | head`): one rule for all of them. */
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { errorCode, EXIT_STATUS } from '../errors.js';

/**
 * - `end`: it only tells something, and whoever asked has heard enough. It ends with 0, and says nothing.
 * - `interrupt`: its exit status is an answer that nobody waited for. It ends with 12, and says nothing.
 * - `go-on`: it changes something, and what it has begun comes to its end.
 */
type WhenClosed = 'end' | 'interrupt' | 'go-on';

const RULES: Readonly<Record<string, WhenClosed>> = {
  // It has a log of its own for that.
  archive: 'go-on',
  bwlimit: 'go-on',
  cleanup: 'go-on',
  delete: 'go-on',
  doctor: 'go-on',
  // Where it writes the tar to standard output, it sees for itself that nobody reads on.
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
        // A full disk under our output: the answer did not get there.
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
