import type { Output } from './context.js';

/** Longer than B2's login takes on a bad line. */
const LONG_MS = 5_000;

/** Says once where `answer` takes long, so that nobody wonders whether the program hangs. @param what as in `WHAT has not answered` */
export async function sayIfSlow<T>(
  out: Pick<Output, 'note'>,
  what: string,
  answer: Promise<T>,
  longMs = LONG_MS,
): Promise<T> {
  const timer = setTimeout(() => {
    out.note(`${what} has not answered for ${Math.round(longMs / 1000)} s; still trying`);
  }, longMs);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}
