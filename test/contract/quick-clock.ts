import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/clock.js';

/** A second of this clock is a millisecond: pauses are kept in their order and proportion, and nobody waits. */
export const quickClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now() * 1000,
  sleep: (ms, signal) => delay(Math.ceil(ms / 1000), undefined, signal === undefined ? {} : { signal }),
};

/** Time-outs for `quickClock`, in its seconds: a minute of a loaded machine, or a short while for tests of stalls. */
export const PATIENT = { connectMs: 30_000, stallMs: 60_000_000, replyMs: 60_000_000 } as const;
export const IMPATIENT = { connectMs: 30_000, stallMs: 400_000, replyMs: 400_000 } as const;
