import { setTimeout as delay } from 'node:timers/promises';

/** Time, as an argument: rules never read the clock themselves. Production uses `systemClock`. */
export interface Clock {
  /** Wall clock, ms since 1970 UTC. */
  now(): number;
  /** Monotonic clock in ms with a fraction; only differences mean something. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};
