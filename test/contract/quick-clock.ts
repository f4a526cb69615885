import { TurnClock } from '../support/turn-clock.js';

/** A second of this clock is a millisecond: pauses are kept in their order and proportion, and nobody waits. */
export const quickClock = new TurnClock(1000);

/** Time-outs for `quickClock`: a minute of ours, or a short while for tests of stalls. */
export const PATIENT = { connectMs: 30_000, stallMs: 60_000_000, replyMs: 60_000_000 } as const;
export const IMPATIENT = { connectMs: 30_000, stallMs: 400_000, replyMs: 400_000 } as const;
