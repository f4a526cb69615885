import { CommanderError, type Command } from 'commander';
import { Failure } from '../errors.js';

/**
 * Runs a parse whose errors become a `Failure` `usage` instead of commander's own output and exit.
 * @returns 'help' after --help and --version, which have been printed
 */
export async function commanderFailures(
  program: Command,
  parse: () => Promise<unknown>,
): Promise<'parsed' | 'help'> {
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({ writeErr: () => undefined });
  }
  try {
    await parse();
    return 'parsed';
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 'help';
    const message = error.message.replace(/^error: /, '');
    throw new Failure('usage', message, { hint: `${program.name()} --help shows the usage`, cause: error });
  }
}
