/** The last line of a terminal, redrawn in place, with all other lines above it. */
import type { Writable } from 'node:stream';
import type { Clock } from '../clock.js';
import { barLine, type Look } from './bar.js';
import { RateMeter } from './progress.js';
import { shareOf, workFields, type Work } from './work.js';

const CLEAR = '\r\u001b[K';
const USUAL_COLUMNS = 80;
export const REDRAW_MS = 500;

/** A terminal, or what stands in for one. */
export type Screen = Writable & { readonly columns?: number; hasColors?(): boolean };

export class LastLine {
  readonly #out: Screen;
  #shown = '';

  constructor(out: Screen) {
    this.#out = out;
  }

  /** How wide it may be. A terminal that does not know its width says 0. */
  get columns(): number {
    const { columns = 0 } = this.#out;
    return (columns > 0 ? columns : USUAL_COLUMNS) - 1;
  }

  get look(): Look {
    const { LC_ALL, LC_CTYPE, LANG } = process.env;
    const locale = [LC_ALL, LC_CTYPE, LANG].find((name) => name !== undefined && name !== '') ?? '';
    // Which heeds NO_COLOR.
    return { blocks: /utf-?8/i.test(locale), colour: this.#out.hasColors?.() === true };
  }

  show(text: string): void {
    this.#shown = text;
    this.#out.write(`${CLEAR}${text}`);
  }

  hide(): void {
    if (this.#shown !== '') this.#out.write(CLEAR);
    this.#shown = '';
  }

  /** @param print writes whole lines, to this terminal or to what may be the same */
  above(print: () => void): void {
    if (this.#shown !== '') this.#out.write(CLEAR);
    print();
    if (this.#shown !== '') this.#out.write(this.#shown);
  }
}

/** Shows how far `work` is until `run` has ended, in whatever way. */
export async function whileShown<T>(
  line: LastLine,
  work: Readonly<Work>,
  clock: Pick<Clock, 'monotonic'>,
  run: () => Promise<T>,
): Promise<T> {
  const began = clock.monotonic();
  const meter = new RateMeter();
  const draw = (): void => {
    const elapsedMs = clock.monotonic() - began;
    // What is fetched again counts again, so it may go back.
    const rate = Math.max(0, meter.sample(elapsedMs, work.done));
    line.show(barLine(shareOf(work), workFields({ ...work, elapsedMs, rate }), line.columns, line.look));
  };
  const hide = (): void => {
    line.hide();
  };
  const timer = setInterval(draw, REDRAW_MS).unref();
  // A closed output ends the process in the middle of it.
  process.once('exit', hide);
  try {
    // What is over at once need not flicker.
    if (work.total !== undefined) draw();
    return await run();
  } finally {
    clearInterval(timer);
    process.off('exit', hide);
    hide();
  }
}
