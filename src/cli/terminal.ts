/** `Output` on this process's own streams. */
import { createInterface } from 'node:readline/promises';
import type { Output } from './context.js';

export const terminal: Output = {
  write(text) {
    process.stdout.write(text);
  },
  note(line) {
    process.stderr.write(`${line}\n`);
  },
  get interactive() {
    return process.stdin.isTTY && process.stderr.isTTY;
  },
  async ask(question) {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await lines.question(question);
    } finally {
      lines.close();
    }
  },
};
