import type { Clock } from '../clock.js';
import type { Rate } from './rate.js';
import { sliceBytesOf, TokenBucket } from './token-bucket.js';

interface Waiter {
  readonly bytes: number;
  readonly admit: (granted: number) => void;
}

/** The queue before the bucket: slices leave in the order in which they were asked for, whatever connection they belong to. */
export class Gate {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #bucket: TokenBucket | undefined;
  #admitting = false;
  #nap: AbortController | undefined;
  #admittedBytes = 0;

  constructor(clock: Clock, rate?: Rate) {
    this.#clock = clock;
    this.setRate(rate);
  }

  get rate(): Rate | undefined {
    return this.#bucket?.rate;
  }

  get sliceBytes(): number {
    return sliceBytesOf(this.rate);
  }

  /** Bytes let through since the start. */
  get admittedBytes(): number {
    return this.#admittedBytes;
  }

  /** Whether somebody waits: the rate, not the work, is the limit. */
  get busy(): boolean {
    return this.#waiters.size > 0;
  }

  /** Takes effect at once, also for those who wait. */
  setRate(rate: Rate | undefined): void {
    if (rate === undefined) this.#bucket = undefined;
    else if (this.#bucket === undefined) this.#bucket = new TokenBucket(rate, this.#clock.monotonic());
    else this.#bucket.rate = rate;
    this.#nap?.abort();
  }

  /** See `Throttle.take`. */
  take(bytes: number, signal?: AbortSignal): Promise<number> | undefined {
    if (
      this.#waiters.size === 0 &&
      bytes <= this.sliceBytes &&
      this.#waitMs() === 0 &&
      signal?.aborted !== true
    ) {
      this.#book(bytes);
      return undefined;
    }
    return this.#queue(bytes, signal);
  }

  #queue(bytes: number, signal: AbortSignal | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const waiter: Waiter = {
        bytes,
        admit: (granted) => {
          signal?.removeEventListener('abort', abandon);
          resolve(granted);
        },
      };
      const abandon = () => {
        this.#waiters.delete(waiter);
        if (this.#waiters.size === 0) this.#nap?.abort();
        // What an AbortSignal carries is what the caller gave it.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abandon, { once: true });
      this.#waiters.add(waiter);
      if (!this.#admitting) void this.#admit();
    });
  }

  async #admit(): Promise<void> {
    this.#admitting = true;
    for (let next = this.#first(); next !== undefined; next = this.#first()) {
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        await this.#sleep(waitMs);
        continue;
      }
      this.#waiters.delete(next);
      const granted = Math.min(next.bytes, this.sliceBytes);
      this.#book(granted);
      next.admit(granted);
    }
    this.#admitting = false;
  }

  #first(): Waiter | undefined {
    for (const waiter of this.#waiters) return waiter;
    return undefined;
  }

  #waitMs(): number {
    return this.#bucket?.waitMs(this.#clock.monotonic()) ?? 0;
  }

  #book(bytes: number): void {
    this.#bucket?.spend(bytes, this.#clock.monotonic());
    this.#admittedBytes += bytes;
  }

  async #sleep(ms: number): Promise<void> {
    this.#nap = new AbortController();
    try {
      await this.#clock.sleep(ms, this.#nap.signal);
    } catch {
      // Woken by a new rate: the wait is worked out anew.
    }
    this.#nap = undefined;
  }
}
