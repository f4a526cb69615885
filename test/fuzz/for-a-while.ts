/**
 * How long a property is tried: quick in `npm test`, longer in CI; a real hunt: FUZZ_MS=600000 npm test fuzz.
 */
import fc from 'fast-check';
import { Failure } from '../../src/errors.js';

const milliseconds = process.env['FUZZ_MS'] ?? (process.env['CI'] === undefined ? '500' : '5000');

export const forAWhile = {
  interruptAfterTimeLimit: Number(milliseconds),
  markInterruptAsFailure: false,
  numRuns: 1_000_000,
  includeErrorInReport: true,
};

/** One that does I/O, at least some runs of it however long they take: a limit of time would break off the first. */
export async function triedForAWhile<T>(property: fc.IAsyncProperty<T>): Promise<void> {
  const end = performance.now() + forAWhile.interruptAfterTimeLimit;
  for (let numRuns = 5; performance.now() < end || numRuns === 5; numRuns *= 2)
    await fc.assert(property, { numRuns, includeErrorInReport: true });
}

/** A value, or a failure of one of these kinds; anything else is a defect. */
export function mayFail(work: () => unknown, expected: (error: unknown) => boolean): void {
  try {
    work();
  } catch (error) {
    if (!expected(error)) throw error;
  }
}

export const isDamage = (error: unknown): boolean => error instanceof Failure && error.kind === 'damaged';
