import type { Clock } from '../../clock.js';

/** Holds every request back for a while: the store asked us to slow down, and meant all connections. */
export class PauseGate {
  readonly #clock: Clock;
  #opensAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Closes it for `ms` from now, unless it is closed for longer already. */
  close(ms: number): void {
    this.#opensAtMs = Math.max(this.#opensAtMs, this.#clock.monotonic() + ms);
  }

  get closed(): boolean {
    return this.#clock.monotonic() < this.#opensAtMs;
  }

  /** Resolves once it is open. Rejects with the signal's reason. */
  async passed(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      const restMs = this.#opensAtMs - this.#clock.monotonic();
      if (restMs <= 0) return;
      try {
        await this.#clock.sleep(Math.ceil(restMs), signal);
      } catch (thrown) {
        signal?.throwIfAborted();
        throw thrown;
      }
    }
  }
}
