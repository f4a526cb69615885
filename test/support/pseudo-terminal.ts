/** A program on a terminal of its own, by util-linux's `script`: what a person sees, and types. */
import { spawn } from 'node:child_process';

export interface OnTerminal {
  /** Resolves when this shows behind what the last call saw; rejects where the program ends without. @returns what showed until then */
  saw(pattern: RegExp): Promise<string>;
  type(keys: string): void;
  readonly ended: Promise<{ readonly status: number | null; readonly output: string }>;
}

export const KEY = { enter: '\r', ctrlC: '\x03', ctrlD: '\x04', ctrlU: '\x15', down: '\x1b[B' } as const;

/** @param env the whole environment @param columns 0: the terminal does not tell */
export function onTerminal(words: readonly string[], env: NodeJS.ProcessEnv, columns = 200): OnTerminal {
  const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols ${columns} rows 50; exec ${command}`, '/dev/null'], {
    cwd: '/',
    env: { TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  let seen = 0;
  let look = (): void => undefined;
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString();
    look();
  });
  const ended = new Promise<{ status: number | null; output: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      resolve({ status, output });
    });
  });
  return {
    ended,
    type: (keys) => child.stdin.write(keys),
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => {
          const match = pattern.exec(output.slice(seen));
          if (match === null) return;
          const shown = output.slice(seen, seen + match.index + match[0].length);
          seen += shown.length;
          look = () => undefined;
          resolve(shown);
        };
        look();
        void ended.then(() => {
          reject(new Error(`ended without ${String(pattern)}:\n${output.slice(seen)}`));
        });
      }),
  };
}
