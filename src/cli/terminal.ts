/** `Output` on this process's own streams. */
import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';
import { systemClock } from '../clock.js';
import { Failure } from '../errors.js';
import { standardOutput } from '../pipes/standard-output.js';
import { printable } from '../printable.js';
import { LastLine, whileShown } from '../reporting/last-line.js';
import type { Output } from './context.js';

const STDOUT = 1;

let lastLine: LastLine | undefined;

/** One for the whole process, whoever writes. */
function onLastLine(): LastLine {
  return (lastLine ??= new LastLine(process.stderr));
}

export const terminal = terminalOutput({ progress: true });

/** For `--quiet`. */
export const quietTerminal = terminalOutput({ progress: false });

function terminalOutput({ progress }: { readonly progress: boolean }): Output {
  return {
    write(text) {
      onLastLine().above(() => standardOutput().write(text));
    },
    note(text) {
      // Whoever forgot it: a line for the operator holds nothing that a terminal obeys.
      const lines = `${text.split('\n').map(printable).join('\n')}\n`;
      onLastLine().above(() => process.stderr.write(lines));
    },
    follow(work, run) {
      const drawable = progress && process.stderr.isTTY && process.env['TERM'] !== 'dumb';
      return work === undefined || !drawable ? run() : whileShown(onLastLine(), work, systemClock, run);
    },
    get writesToTerminal() {
      return isatty(STDOUT);
    },
    get interactive() {
      return process.stdin.isTTY && process.stderr.isTTY;
    },
    ask(question) {
      return answer(question);
    },
  };
}

async function answer(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  const stopped = new AbortController();
  // Ctrl-C and Ctrl-D: in raw mode the terminal sends no signal, and the question would wait for ever.
  const stop = (): void => {
    stopped.abort();
  };
  lines.once('SIGINT', stop).once('close', stop);
  try {
    return await lines.question(question, { signal: stopped.signal });
  } catch (error) {
    if (stopped.signal.aborted) throw new Failure('interrupted', 'stopped at a question');
    throw error;
  } finally {
    lines.close();
  }
}
