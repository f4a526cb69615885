/**
 * Who may use an upload connection now: first come, first served, except that a part that is sent again goes first, because its buffer has
 * been in memory longest.
 */
import { WaitQueue } from '../../wait-queue.js';

export class ConnectionSlots {
  #allowed: number;
  #busy = 0;
  readonly #again = new WaitQueue<undefined, undefined>();
  readonly #others = new WaitQueue<undefined, undefined>();

  constructor(allowed: number) {
    this.#allowed = allowed;
  }

  get allowed(): number {
    return this.#allowed;
  }

  get busy(): number {
    return this.#busy;
  }

  get waiting(): number {
    return this.#again.size + this.#others.size;
  }

  /** If fewer are allowed than are busy, the busy ones finish first. */
  allow(count: number): void {
    this.#allowed = count;
    this.#grant();
  }

  /** @returns the function that gives the slot back; calling it again does nothing. */
  async take(again: boolean, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#busy < this.#allowed && this.waiting === 0) {
      this.#busy += 1;
    } else {
      await (again ? this.#again : this.#others).wait(undefined, signal);
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#busy -= 1;
      this.#grant();
    };
  }

  #grant(): void {
    while (this.#busy < this.#allowed && this.waiting > 0) {
      // Counted here, before anybody else can take the slot.
      this.#busy += 1;
      if (!this.#again.grantNext(undefined)) this.#others.grantNext(undefined);
    }
  }
}
