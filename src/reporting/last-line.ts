/** The last line of a terminal, redrawn in place, with all other lines above it. */
import type { Writable } from 'node:stream';
import type { Clock } from '../clock.js';
import { fittingLine, RateMeter } from './progress.js';
import { workFields, type Work } from './work.js';

const CLEAR = '\r\u001b[K';
const USUAL_COLUMNS = 80;
export const REDRAW_MS = 500;

export class LastLine {
  readonly #out: Writable & { readonly columns?: number };
  #shown = '';

  constructor(out: Writable & { readonly columns?: number }) {
    this.#out = out;
  }

  /** How wide it may be. A terminal that does not know its width says 0. */
  get columns(): number {
    const { columns = 0 } = this.#out;
    return (columns > 0 ? columns : USUAL_COLUMNS) - 1;
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
    line.show(fittingLine(workFields({ ...work, elapsedMs, rate }), line.columns));
  };
  const hide = (): void => {
    line.hide();
  };
  const timer = setInterval(draw, REDRAW_MS).unref();
  // A closed output ends the process in the middle of it.
  process.once('exit', hide);
  try {
    draw();
    return await run();
  } finally {
    clearInterval(timer);
    process.off('exit', hide);
    hide();
  }
}
