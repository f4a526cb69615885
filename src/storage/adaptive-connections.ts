/**
 * How many uploads should be under way at once: hill-climbing on throughput. Pure: time and byte counts come in, a number comes out.
 *
 * - At the start the number doubles while each doubling carries clearly more (a long fat line wants many).
 * - Then one more is tried now and then, and kept only if it adds throughput. A line that is full gains nothing from another
 *   connection, so it settles low.
 * - Trouble that means "too much" (429, 503) takes a third away at once, and no more are tried for a while.
 * Only times in which every allowed connection was busy count: an idle connection says nothing about the line.
 */

export interface AdaptiveOptions {
  readonly min: number;
  readonly max: number;
  readonly start: number;
  /** ms that one measurement takes; long enough for several slices of every connection. */
  readonly windowMs: number;
}

export const ADAPTIVE: Omit<AdaptiveOptions, 'max'> = { min: 1, start: 2, windowMs: 2000 };

/** A step must carry so much more to be kept. */
const WORTHWHILE = 1.08;
const DOUBLING_WORTHWHILE = 1.25;
/** Windows to wait before one more is tried again; grows while tries fail, so that a settled line is left alone. */
const FIRST_REST = 5;
const LONGEST_REST = 120;

export interface Change {
  readonly allowed: number;
  readonly reason: string;
}

export class AdaptiveConnections {
  readonly #options: AdaptiveOptions;
  #allowed: number;
  #phase: 'doubling' | 'resting' | 'trying' = 'doubling';
  /** Best rate seen with the number before the present step, bytes per second. */
  #before = 0;
  #numberBefore: number;
  #rest = 0;
  #nextRest = FIRST_REST;
  #windowStart: number | undefined;
  #bytes = 0;
  #slack = false;

  constructor(options: AdaptiveOptions) {
    this.#options = options;
    this.#allowed = Math.min(options.max, Math.max(options.min, options.start));
    this.#numberBefore = this.#allowed;
  }

  get allowed(): number {
    return this.#allowed;
  }

  /** Bytes were accepted by a socket. @param saturated every allowed connection is busy and somebody waits for one */
  accepted(nowMs: number, bytes: number, saturated: boolean): Change | undefined {
    this.#windowStart ??= nowMs;
    this.#bytes += bytes;
    if (!saturated) this.#slack = true;
    const elapsed = nowMs - this.#windowStart;
    if (elapsed < this.#options.windowMs) return undefined;
    const rate = (this.#bytes * 1000) / elapsed;
    const slack = this.#slack;
    this.#windowStart = nowMs;
    this.#bytes = 0;
    this.#slack = false;
    return slack ? undefined : this.#measured(rate);
  }

  /** The store asked for less, or refused for being busy. */
  tooMuch(nowMs: number, reason: string): Change | undefined {
    this.#phase = 'resting';
    this.#rest = this.#nextRest = Math.min(LONGEST_REST, this.#nextRest * 2);
    this.#windowStart = nowMs;
    this.#bytes = 0;
    return this.#to(Math.floor((this.#allowed * 2) / 3), reason);
  }

  #measured(rate: number): Change | undefined {
    switch (this.#phase) {
      case 'doubling': {
        const first = this.#before === 0;
        if (!first && rate < this.#before * DOUBLING_WORTHWHILE) {
          this.#settle();
          return rate < this.#before * WORTHWHILE ? this.#to(this.#numberBefore, 'twice as many carried no more') : undefined;
        }
        this.#step(rate);
        return this.#to(this.#allowed * 2, first ? 'looking for what the line carries' : 'each doubling carried more');
      }
      case 'resting':
        this.#rest -= 1;
        if (this.#rest > 0) return undefined;
        this.#step(rate);
        this.#phase = 'trying';
        return this.#to(this.#allowed + 1, 'trying one more');
      case 'trying':
        if (rate >= this.#before * WORTHWHILE) {
          this.#nextRest = FIRST_REST;
          this.#step(rate);
          return this.#to(this.#allowed + 1, 'one more carried more');
        }
        this.#settle();
        this.#rest = this.#nextRest = Math.min(LONGEST_REST, this.#nextRest * 2);
        return this.#to(this.#numberBefore, 'one more carried no more');
    }
  }

  #step(rate: number): void {
    this.#before = rate;
    this.#numberBefore = this.#allowed;
  }

  #settle(): void {
    this.#phase = 'resting';
    this.#rest = this.#nextRest;
  }

  #to(count: number, reason: string): Change | undefined {
    const allowed = Math.min(this.#options.max, Math.max(this.#options.min, count));
    if (allowed === this.#allowed) {
      // At the end of what is allowed there is nothing to try.
      this.#settle();
      return undefined;
    }
    this.#allowed = allowed;
    return { allowed, reason };
  }
}
