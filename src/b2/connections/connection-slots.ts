/**
 * Who may use an upload connection now. Waiting callers get one in the order in which they came, but a part that is sent
 * again goes first: its buffer has been in memory longest.
 */
export class ConnectionSlots {
  #allowed: number;
  #busy = 0;
  readonly #waiting: { first: (() => void)[]; others: (() => void)[] } = { first: [], others: [] };

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
    return this.#waiting.first.length + this.#waiting.others.length;
  }

  /** Fewer than are busy: they finish first. */
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
      await this.#turn(again ? this.#waiting.first : this.#waiting.others, signal);
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#busy -= 1;
      this.#grant();
    };
  }

  #turn(queue: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const granted = () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = () => {
        queue.splice(queue.indexOf(granted), 1);
        reject(signal?.reason as Error);
      };
      queue.push(granted);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  #grant(): void {
    while (this.#busy < this.#allowed) {
      const next = this.#waiting.first.shift() ?? this.#waiting.others.shift();
      if (next === undefined) return;
      // Taken on the caller's behalf, before anybody else can.
      this.#busy += 1;
      next();
    }
  }
}
