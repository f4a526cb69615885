/** Questions on the terminal, by Clack: the only module that imports it, loaded by `setup` alone. */
import { CANCEL_SYMBOL, confirm, log, password, select, text, updateSettings } from '@clack/prompts';
import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { Failure } from '../../errors.js';
import { printable } from '../../printable.js';
import type { Screen } from '../../reporting/last-line.js';

/** Each question rejects with Failure `interrupted` where the person stops it. */
export interface Prompts {
  /** One line, trimmed. @param offered stands there and can be edited */
  text(question: string, offered?: string): Promise<string>;
  /** The same, shown as dots. */
  secret(question: string): Promise<string>;
  yes(question: string, offered: boolean): Promise<boolean>;
  /** The first choice is offered. */
  choose<T extends string>(question: string, choices: readonly Choice<T>[]): Promise<T>;
  /** Why the answer will not do. */
  refuse(reason: string): void;
  say(line: string): void;
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
}

/** On standard error, because standard output is what is pasted. @param signal ends a question */
export function terminalPrompts(signal: AbortSignal): Prompts {
  // In raw mode Ctrl-D is a key like any other, and a question would wait for ever.
  updateSettings({ aliases: { '\x04': 'cancel' } });
  // A serial console does not tell its width: Clack would break the line behind each letter.
  if (process.stderr.columns === 0) process.stderr.columns = 80;
  const { stderr }: { stderr: Screen } = process;
  // Only a terminal has such a method.
  const output = stderr.hasColors?.() === true ? process.stderr : withoutColours(process.stderr);
  const answered = async <T>(ask: (signal: AbortSignal) => Promise<T | typeof CANCEL_SYMBOL>): Promise<T> => {
    // One of its own for each question: Clack ends also questions that have been answered.
    const own = new AbortController();
    const end = (): void => {
      own.abort();
    };
    signal.addEventListener('abort', end);
    try {
      signal.throwIfAborted();
      const answer = await ask(own.signal);
      signal.throwIfAborted();
      if (answer === CANCEL_SYMBOL)
        throw new Failure('interrupted', 'stopped at a question: nothing was changed');
      return answer;
    } finally {
      signal.removeEventListener('abort', end);
    }
  };
  return {
    async text(message, offered) {
      const initial = offered === undefined ? {} : { initialValue: offered };
      return (await answered((ends) => text({ message, output, signal: ends, ...initial }))).trim();
    },
    async secret(message) {
      return (await answered((ends) => password({ message, output, signal: ends }))).trim();
    },
    yes: (message, offered) =>
      answered((ends) => confirm({ message, output, signal: ends, initialValue: offered })),
    async choose<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T> {
      const options = choices.map(({ value, label }) => ({ value, label: printable(label) }));
      return (await answered((ends) => select<string>({ message, output, signal: ends, options }))) as T;
    },
    refuse(reason) {
      log.error(printable(reason), { output });
    },
    say(line) {
      log.info(printable(line), { output });
    },
  };
}

const COLOURS = /\u001b\[[\d;]*m/g;

/** The same terminal: Clack colours whatever it writes, also where NO_COLOR is set. */
function withoutColours(terminal: WriteStream): Writable {
  const plain = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      terminal.write(String(chunk).replace(COLOURS, ''), () => {
        done();
      });
    },
  });
  return Object.defineProperties(plain, {
    isTTY: { value: true },
    columns: { get: () => terminal.columns },
    rows: { get: () => terminal.rows },
  });
}
