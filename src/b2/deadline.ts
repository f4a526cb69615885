import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.js';

/** Why a request was broken off: nothing moved for too long. */
export class Stalled extends Error {
  override readonly name = 'Stalled';
}

/** One for all: an abort without a reason makes an error, with a stack, for each call. */
const STOPPED = new Error('the request has ended');

/**
 * Breaks a request off when nothing happens for too long, by the injected clock. `moved` is called on every sign of life, so it
 * must be cheap: it only notes the time; one sleeper looks at it.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #done = new AbortController();
  #limitMs: number;
  #waitingFor: string;
  #lastMs: number;
  #paused = false;
  #pausedAtMs = 0;

  constructor(clock: Clock, limitMs: number, waitingFor: string, outer?: AbortSignal) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#waitingFor = waitingFor;
    this.#lastMs = clock.monotonic();
    if (outer?.aborted === true) this.#abort.abort(outer.reason);
    outer?.addEventListener(
      'abort',
      () => {
        this.#abort.abort(outer.reason);
      },
      { once: true, signal: this.#done.signal },
    );
    void this.#watch();
  }

  /** For the request: aborted with a `Stalled`, or with the outer signal's reason. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  moved(): void {
    this.#lastMs = this.#clock.monotonic();
  }

  /** We make the other side wait (a bandwidth limit): its silence means nothing. */
  pause(): void {
    this.#paused = true;
    this.#pausedAtMs = this.#clock.monotonic();
  }

  /** @param moved whether what came until the pause was a sign of life; otherwise only the pause does not count */
  resume(moved = true): void {
    this.#paused = false;
    if (moved) this.moved();
    else this.#lastMs += this.#clock.monotonic() - this.#pausedAtMs;
  }

  /** From here on another limit holds. */
  expect(waitingFor: string, limitMs: number): void {
    this.#waitingFor = waitingFor;
    this.#limitMs = limitMs;
    this.moved();
  }

  stop(): void {
    this.#done.abort(STOPPED);
  }

  async #watch(): Promise<void> {
    const stopped = this.#done.signal;
    while (!stopped.aborted && !this.#abort.signal.aborted) {
      const restMs = this.#restMs();
      if (restMs > 0) {
        // A later, shorter limit is noticed in time, too.
        await this.#clock.sleep(Math.min(restMs, 5000), stopped).catch(() => undefined);
        continue;
      }
      // This process may have been asleep: first handle what arrived meanwhile.
      await setImmediate();
      if (this.#restMs() > 0) continue;
      this.#abort.abort(new Stalled(`${this.#waitingFor} for ${(this.#limitMs / 1000).toFixed(0)} s`));
    }
  }

  #restMs(): number {
    return this.#paused ? this.#limitMs : this.#lastMs + this.#limitMs - this.#clock.monotonic();
  }
}
