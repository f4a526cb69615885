import { CommanderError, type Command } from 'commander';
import { Failure } from '../errors.js';

/** Help or version was printed: nothing more to do. */
export class Done extends Error {
  override readonly name = 'Done';
}

/**
 * Runs a parse whose errors become a `Failure` `usage` instead of commander's own output and exit.
 * @throws Done after --help and --version
 */
export async function commanderFailures(program: Command, parse: () => Promise<unknown>): Promise<void> {
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({ writeErr: () => undefined });
  }
  try {
    await parse();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new Done();
    const message = error.message.replace(/^error: /, '');
    throw new Failure('usage', message, { hint: `${program.name()} --help shows the usage`, cause: error });
  }
}
