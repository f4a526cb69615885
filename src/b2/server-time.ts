import type { Clock } from '../clock.js';

/** B2's clock, read from the `Date` header of its answers (RFC 9110, section 6.6.1: whole seconds). */
export class ServerTime {
  readonly #clock: Clock;
  #noted: { readonly serverMs: number; readonly atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param date - the header of an answer that came just now; one that is missing or unreadable changes nothing */
  note(date: string | undefined): void {
    const serverMs = Date.parse(date ?? '');
    if (!Number.isNaN(serverMs)) this.#noted = { serverMs, atMs: this.#clock.monotonic() };
  }

  /** ms since 1970 UTC; undefined before the first date. */
  now(): number | undefined {
    if (this.#noted === undefined) return undefined;
    return this.#noted.serverMs + Math.max(0, this.#clock.monotonic() - this.#noted.atMs);
  }
}
