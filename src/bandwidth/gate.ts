import type { Clock } from '../clock.js';
import { WaitQueue } from '../wait-queue.js';
import type { Rate } from './rate.js';
import { sliceBytesOf, TokenBucket } from './token-bucket.js';

/** The queue in front of the bucket: slices leave in the order they were requested, whatever connection they belong to. */
export class Gate {
  readonly #clock: Clock;
  /** Bytes requested, bytes granted. */
  readonly #queue = new WaitQueue<number, number>(() => {
    if (this.#queue.size === 0) this.#nap?.abort();
  });
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

  /** Whether anyone is waiting: then the rate is what limits sending. */
  get busy(): boolean {
    return this.#queue.size > 0;
  }

  /** Takes effect at once, even for those already waiting. */
  setRate(rate: Rate | undefined): void {
    if (rate === undefined) this.#bucket = undefined;
    else if (this.#bucket === undefined) this.#bucket = new TokenBucket(rate, this.#clock.monotonic());
    else this.#bucket.rate = rate;
    this.#nap?.abort();
  }

  /** See `Throttle.take`. */
  take(bytes: number, signal?: AbortSignal): Promise<number> | undefined {
    if (
      this.#queue.size === 0 &&
      bytes <= this.sliceBytes &&
      this.#waitMs() === 0 &&
      signal?.aborted !== true
    ) {
      this.#book(bytes);
      return undefined;
    }
    const granted = this.#queue.wait(bytes, signal);
    if (!this.#admitting) void this.#admit();
    return granted;
  }

  async #admit(): Promise<void> {
    this.#admitting = true;
    for (let bytes = this.#queue.next; bytes !== undefined; bytes = this.#queue.next) {
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        await this.#sleep(waitMs);
        continue;
      }
      const granted = Math.min(bytes, this.sliceBytes);
      this.#book(granted);
      this.#queue.grantNext(granted);
    }
    this.#admitting = false;
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
      // Woken by a new rate: work out the wait again.
    }
    this.#nap = undefined;
  }
}
