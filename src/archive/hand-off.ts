/** Hands values from one that pushes to one that pulls, one at a time: who pushes waits until the value is taken. */
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

  /** Resolves when the value has been taken, or nobody takes any more. One at a time. */
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

  /** Nothing follows, and that is not the end: the reading side throws. */
  break(): void {
    this.#leave('broken');
  }

  /** The reading side has gone: whatever is put is thrown away. */
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
