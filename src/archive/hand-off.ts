/** Hands values from a producer that pushes to a consumer that pulls, one at a time: the producer waits until its value is taken. */
export class HandOff<T> implements AsyncIterable<T> {
  readonly #signal: AbortSignal;
  #value: { readonly value: T; readonly taken: () => void } | undefined;
  #wake: () => void = () => undefined;
  #state: 'open' | 'ended' | 'broken' | 'draining' = 'open';

  /** @param signal ends the reading side, with its reason */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      this.break();
    });
  }

  /** Resolves when the value has been taken, or the consumer is gone. One at a time. */
  async put(value: T): Promise<void> {
    if (this.#state !== 'open') return;
    await new Promise<void>((taken) => {
      this.#value = { value, taken };
      this.#wake();
    });
  }

  /** Nothing follows. */
  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wake();
  }

  /** Nothing follows because of an error: the reading side throws it. */
  break(): void {
    this.#leave('broken');
  }

  /** The reading side is gone: whatever is put is discarded. */
  drain(): void {
    this.#leave('draining');
  }

  #leave(state: 'broken' | 'draining'): void {
    this.#state = state;
    this.#value?.taken();
    this.#value = undefined;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const waiting = this.#value;
      if (waiting !== undefined) {
        this.#value = undefined;
        // A slice is lent until the next is asked for, so it is taken only then.
        yield waiting.value;
        waiting.taken();
        continue;
      }
      if (this.#state === 'ended') return;
      if (this.#state !== 'open') {
        this.#signal.throwIfAborted();
        throw new Error('nobody writes any more');
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
