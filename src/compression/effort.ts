/**
 * How hard volumes are compressed that are streams of their own: while the line cannot take what is ready, harder; while the workers cannot
 * keep up, less hard. Pure.
 *
 * The volumes that are under way share one memory budget. Which share of it sealed volumes hold, waiting to be sent, says who is behind:
 * a slow line fills it with them, slow workers leave it to volumes that wait for compression.
 */
import type { EffortRange } from './codec.js';

export interface Queue {
  /** Of the memory for volumes, the share that sealed ones hold which wait to be sent: 0 to 1. */
  readonly fill: number;
  /** Volumes wait for a worker. */
  readonly workersBehind: boolean;
}

/** Below it the line takes all that comes. */
const EMPTY = 0.25;
/** From here on the strongest level is wanted. */
const FULL = 0.7;

/** The next step of `steps`, one up or down from `step` at most: what is in the queue was made by the levels before. */
export function nextStep(
  step: number,
  { fill, workersBehind }: Queue,
  { steps, usual }: Pick<EffortRange, 'steps' | 'usual'>,
): number {
  const strongest = steps.length - 1;
  // Where neither the line nor the workers have enough to do, the source decides, and there is no hurry.
  const least = workersBehind ? 0 : Math.max(0, steps.indexOf(usual));
  const share = Math.max(0, Math.min(1, (fill - EMPTY) / (FULL - EMPTY)));
  return step + Math.sign(Math.round(least + share * (strongest - least)) - step);
}

/** The strongest level up to `step` that a volume of so many bytes can have within so much working memory. */
export function levelWithin(step: number, bytes: number, mostWorkBytes: number, range: EffortRange): number {
  const { steps, workBytes } = range;
  for (let at = step; at > 0; at--) {
    const level = steps[at];
    if (level !== undefined && workBytes(level, bytes) <= mostWorkBytes) return level;
  }
  return steps[0] ?? range.usual;
}

/** Follows one run. */
export class Effort {
  readonly #range: EffortRange;
  readonly #queueBytes: number;
  readonly #mostWorkBytes: number;
  #step: number;
  #waiting = 0;

  /**
   * @param queueBytes memory for volumes that are under way
   * @param mostWorkBytes what one worker may take to compress, beside the volume itself
   */
  constructor(range: EffortRange, queueBytes: number, mostWorkBytes: number) {
    this.#range = range;
    this.#queueBytes = queueBytes;
    this.#mostWorkBytes = mostWorkBytes;
    this.#step = Math.max(0, range.steps.indexOf(range.usual));
  }

  /** For a volume of so many bytes that is compressed now. */
  levelFor(bytes: number, workersBehind: boolean): number {
    const fill = this.#waiting / this.#queueBytes;
    this.#step = nextStep(this.#step, { fill, workersBehind }, this.#range);
    return levelWithin(this.#step, bytes, this.#mostWorkBytes, this.#range);
  }

  /** A sealed volume of so many bytes waits to be sent. */
  ready(bytes: number): void {
    this.#waiting += bytes;
  }

  /** It has been sent, or never will be. */
  gone(bytes: number): void {
    this.#waiting -= bytes;
  }
}
