/**
 * Which task runs next. Piscina detaches a buffer only when a worker takes the task, and has no priorities. So the queues are here, and no more
 * tasks are submitted than there are workers. Pure except for promises.
 */

/** In order of priority: sealed parts can be sent. */
export const LANES = ['chain', 'seal', 'compress'] as const;
export type Lane = (typeof LANES)[number];

interface Waiting {
  readonly start: () => void;
  readonly refuse: (reason: Error) => void;
}

export class Lanes {
  readonly #slots: number;
  readonly #waiting: Record<Lane, Waiting[]> = { chain: [], seal: [], compress: [] };
  readonly #running = new Set<(reason: Error) => void>();
  #chainBusy = false;
  #stopped: Error | undefined;

  /** @param slots Tasks that may run at once. The chain lane runs one at a time. */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Whether another task would start at once. */
  get idle(): boolean {
    return this.#running.size < this.#slots;
  }

  run<T>(lane: Lane, task: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#stopped !== undefined) {
        reject(this.#stopped);
        return;
      }
      const start = () => {
        this.#running.add(reject);
        if (lane === 'chain') this.#chainBusy = true;
        void task()
          .then(resolve, reject)
          .finally(() => {
            this.#running.delete(reject);
            if (lane === 'chain') this.#chainBusy = false;
            this.#startNext();
          });
      };
      this.#waiting[lane].push({ start, refuse: reject });
      this.#startNext();
    });
  }

  /** Rejects waiting and new tasks; with `running`, also those that run (if they can never settle by themselves). */
  stop(reason: Error, running: boolean): void {
    this.#stopped ??= reason;
    for (const lane of LANES) for (const { refuse } of this.#waiting[lane].splice(0)) refuse(reason);
    if (running) for (const reject of this.#running) reject(reason);
  }

  #startNext(): void {
    while (this.idle) {
      const lane = LANES.find(
        (name) => this.#waiting[name].length > 0 && !(name === 'chain' && this.#chainBusy),
      );
      if (lane === undefined) return;
      this.#waiting[lane].shift()?.start();
    }
  }
}
