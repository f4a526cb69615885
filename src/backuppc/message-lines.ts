/** Bytes of standard error → lines, in bounded memory. */
import { oneLine } from '../errors.js';

/** Longer lines are cut: nobody reads more, and a program may print megabytes without a newline. */
const LINE_BYTES = 4096;
const FIRST_LINES = 20;
const LAST_LINES = 20;

const NEWLINE = 0x0a;

export class MessageLines {
  readonly #onLine: (line: string) => void;
  readonly #first: string[] = [];
  readonly #last: string[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #cutting = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (;;) {
      const to = bytes.indexOf(NEWLINE, from);
      if (to === -1) break;
      this.#take(bytes.subarray(from, to));
      this.#line();
      from = to + 1;
    }
    this.#take(bytes.subarray(from));
  }

  /** No more will come: what stands without a newline is a line too. */
  end(): void {
    if (this.#rest.length > 0) this.#line();
  }

  /** The first and the last lines, in order. */
  get kept(): readonly string[] {
    return [...this.#first, ...this.#last];
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#cutting) return;
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(0, LINE_BYTES - this.#rest.length)]);
    this.#cutting = this.#rest.length >= LINE_BYTES;
  }

  #line(): void {
    const line = oneLine(this.#rest.toString('utf8'));
    this.#rest = Buffer.alloc(0);
    this.#cutting = false;
    if (this.#first.length < FIRST_LINES) this.#first.push(line);
    else {
      this.#last.push(line);
      if (this.#last.length > LAST_LINES) this.#last.shift();
    }
    this.#onLine(line);
  }
}
