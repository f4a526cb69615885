/** Runs a command tree and returns the exit status. An error is reported in at most two lines, the reason last. */
import { CommanderError, type Command } from 'commander';
import { asFailure, EXIT_STATUS, oneLine, OutputClosed } from '../errors.js';
import { stackOf } from '../stack.js';
import type { ExitStatus, Output } from './context.js';
import { misspeltOption } from './misspelt-option.js';

/** Parses and runs. Commander's own complaints (usage) have been printed when this resolves. */
export async function runTree(
  program: Command,
  words: readonly string[],
  out: Pick<Output, 'note'>,
  status: () => ExitStatus,
): Promise<ExitStatus> {
  exitOverride(program);
  for (const command of [program, ...program.commands])
    command.configureOutput({
      outputError(text, write) {
        const misspelt = text.startsWith('error: required option')
          ? misspeltOption(program, words)
          : undefined;
        write(misspelt ?? text);
      },
    });
  try {
    await program.parseAsync(words, { from: 'user' });
    return status();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_STATUS.ok : EXIT_STATUS.usage;
    return tell(error, program.name(), out);
  }
}

function exitOverride(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) exitOverride(sub);
}

/** Hint first, the one-line reason last. @returns its exit status */
export function tell(error: unknown, program: string, out: Pick<Output, 'note'>): ExitStatus {
  const failure = asFailure(error);
  if (failure instanceof OutputClosed) return failure.exitStatus;
  if (failure.kind === 'internal' && failure.cause instanceof Error) out.note(stackOf(failure.cause));
  if (failure.hint !== undefined) out.note(`${program}: hint: ${oneLine(failure.hint)}`);
  out.note(`${program}: ${oneLine(failure.message)}`);
  return failure.exitStatus;
}
