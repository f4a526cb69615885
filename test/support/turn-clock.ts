import type { Clock } from '../../src/clock.js';

/** Real time between two looks at the sleepers. */
const TURN_MS = 1;
/** Most real time that one turn may stand for. */
const MOST_MS = 5;

/**
 * A clock that runs many times faster than ours, and that the machine cannot outrun: while anybody sleeps by it, its time passes in small steps,
 * at most one for each turn of the event loop. Whatever a turn had to do was done before the next step, so a time limit of a hundred steps
 * means the same on a busy machine.
 */
export class TurnClock implements Clock {
  readonly #times: number;
  readonly #wall: () => number;
  readonly #sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  /** Its own time when this turn began, and the real clock's. */
  #atMs = 0;
  #sinceMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** @param beginMs wall clock at the beginning; default: the real wall clock, always */
  constructor(times: number, beginMs?: number) {
    this.#times = times;
    this.#wall = beginMs === undefined ? () => Date.now() : () => beginMs + this.monotonic();
  }

  /** How many sleep by it. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  now(): number {
    return this.#wall();
  }

  monotonic(): number {
    const realMs = performance.now() - this.#sinceMs;
    return this.#atMs + this.#times * (this.#sleepers.size > 0 ? Math.min(realMs, MOST_MS) : realMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const forget = (): void => {
        if (this.#sleepers.size === 1) this.#beginTurn();
        this.#sleepers.delete(sleeper);
        if (this.#sleepers.size === 0) clearTimeout(this.#timer);
      };
      const onAbort = (): void => {
        forget();
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        forget();
        resolve();
      };
      if (this.#sleepers.size === 0) this.#beginTurn();
      const sleeper = { untilMs: this.monotonic() + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (this.#sleepers.size === 1) this.#awaitNextTurn();
    });
  }

  #beginTurn(): void {
    this.#atMs = this.monotonic();
    this.#sinceMs = performance.now();
  }

  #awaitNextTurn(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#beginTurn();
      const due = [...this.#sleepers].filter(({ untilMs }) => untilMs <= this.#atMs);
      for (const { wake } of due.sort((a, b) => a.untilMs - b.untilMs)) wake();
      if (this.#sleepers.size > 0) this.#awaitNextTurn();
    }, TURN_MS);
  }
}
