/**
 * How many copies may be requested at once. They use no bandwidth, only B2's time, so they have a limit of their own: one more after each
 * round of copies that went well, half as many when B2 falls behind (a copy that takes far longer than the quickest was retried, or is
 * waiting in B2's queue). Pure.
 */
const FIRST = 4;
const MOST = 64;
/** A copy quicker than this never counts as slow, however quick the quickest was. */
const SLOW_MS = 3000;
const SLOW_FACTOR = 8;

export class CopyLimit {
  #allowed = FIRST;
  #quickestMs = Infinity;
  #good = 0;
  /** Copies that were already in flight when the limit was halved say nothing new. */
  #ignore = 0;

  get allowed(): number {
    return this.#allowed;
  }

  /** A copy has ended, after `ms`, with `busy` others still in flight. */
  ended(ms: number, refused: boolean, busy: number): void {
    this.#quickestMs = Math.min(this.#quickestMs, ms);
    if (this.#ignore > 0) {
      this.#ignore -= 1;
      return;
    }
    if (refused || ms > Math.max(SLOW_MS, SLOW_FACTOR * this.#quickestMs)) {
      this.#allowed = Math.max(1, Math.floor(this.#allowed / 2));
      this.#ignore = busy;
      this.#good = 0;
      return;
    }
    this.#good += 1;
    if (this.#good < this.#allowed) return;
    this.#good = 0;
    this.#allowed = Math.min(MOST, this.#allowed + 1);
  }
}
