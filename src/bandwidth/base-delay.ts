/**
 * The round trip of an empty queue: the lowest one seen, forgotten slowly. A lower round trip is believed at once. A higher
 * one may be a queue or a new route: what only a queue does is swing, so the minimum of a whole minute is believed when that minute was
 * steady, and otherwise creeps up.
 *
 * After LEDBAT's base history (RFC 6817, 2.4.2 and 3.4.2), which forgets outright after ten minutes and then takes a
 * standing queue for the road itself.
 */
export class BaseDelay {
  #baseMs: number | undefined;
  #minute: { readonly sinceMs: number; lowMs: number; highMs: number; quiet: boolean } | undefined;

  /** Undefined before the first round trip. */
  get ms(): number | undefined {
    return this.#baseMs;
  }

  /**
   * @param rttMs a round trip, freed of single outliers
   * @param quiet whether what we send ourselves is too little to make a queue
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
/** Swing within a minute that is no more than the jitter of a road without a queue. */
const STEADY_MS = 15;
/** How much of an unsteady rise is believed per minute. */
const CREEP_MS = 2;
