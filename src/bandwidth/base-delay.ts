/**
 * The round trip while the queue is empty: the lowest one seen, forgotten slowly. A lower round trip is accepted at once. A higher
 * one may be a queue or a new route, and only a queue fluctuates: so the minimum of a whole minute is accepted if that minute was
 * steady; otherwise the estimate creeps up.
 *
 * Modelled on LEDBAT's base history (RFC 6817, 2.4.2 and 3.4.2), which forgets everything after ten minutes and then mistakes a
 * standing queue for the path's own delay.
 */
export class BaseDelay {
  #baseMs: number | undefined;
  #minute: { readonly sinceMs: number; lowMs: number; highMs: number; quiet: boolean } | undefined;

  /** Undefined before the first round trip. */
  get ms(): number | undefined {
    return this.#baseMs;
  }

  /**
   * @param rttMs a round trip, with single outliers removed
   * @param quiet whether we send too little ourselves to cause a queue
   */
  note(rttMs: number, nowMs: number, quiet: boolean): void {
    this.#baseMs = Math.min(this.#baseMs ?? rttMs, rttMs);
    const minute = (this.#minute ??= { sinceMs: nowMs, lowMs: rttMs, highMs: rttMs, quiet });
    minute.lowMs = Math.min(minute.lowMs, rttMs);
    minute.highMs = Math.max(minute.highMs, rttMs);
    minute.quiet &&= quiet;
    if (nowMs - minute.sinceMs < MINUTE_MS) return;
    const steady = minute.quiet && minute.highMs - minute.lowMs <= STEADY_MS;
    this.#baseMs = steady ? minute.lowMs : Math.min(minute.lowMs, this.#baseMs + CREEP_MS);
    this.#minute = undefined;
  }
}

const MINUTE_MS = 60_000;
/** Fluctuation within a minute that is no more than the jitter of a path without a queue. */
const STEADY_MS = 15;
/** How much of an unsteady rise is accepted per minute. */
const CREEP_MS = 2;
