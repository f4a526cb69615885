/**
 * How hard volumes are compressed that are streams of their own: while the line cannot take what is ready, harder; while the workers cannot
 * keep up, less hard. Pure.
 *
 * What is sealed and waits to be sent says who is behind: it would keep the line busy for a long time, or it holds much of the memory that all
 * volumes under way share. A line that has nothing to send while volumes wait for a worker is kept waiting by the workers.
 */
import type { EffortRange } from './codec.js';

export interface Queue {
  /** How full it is: 0 to 1. */
  readonly fill: number;
  /** Volumes wait for a worker, and the line for them. */
  readonly workersBehind: boolean;
}

/** Below it the line takes all that comes. */
const EMPTY = 0.25;
/** From here on the strongest level is wanted. */
const FULL = 0.7;
/** A queue that keeps the line busy for so long is full, however much memory there is. */
const FULL_MS = 20_000;

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
  readonly #monotonic: () => number;
  #step: number;
  #waiting = 0;
  #sent = 0;
  /** How long the line has had something to send, and since when it has now. */
  #busyMs = 0;
  #busySince = 0;

  /**
   * @param queueBytes memory for volumes that are under way
   * @param mostWorkBytes what one worker may take to compress, beside the volume itself
   * @param monotonic ms
   */
  constructor(range: EffortRange, queueBytes: number, mostWorkBytes: number, monotonic: () => number) {
    this.#range = range;
    this.#monotonic = monotonic;
    this.#queueBytes = queueBytes;
    this.#mostWorkBytes = mostWorkBytes;
    this.#step = Math.max(0, range.steps.indexOf(range.usual));
  }

  /** For a volume of so many bytes that is compressed now. @param othersWait for a worker */
  levelFor(bytes: number, othersWait: boolean): number {
    const fill = Math.min(1, Math.max(this.#waiting / this.#queueBytes, (FULL * this.#waitingMs) / FULL_MS));
    // Before the first has gone nobody knows what the line takes.
    const workersBehind = othersWait && this.#waiting === 0 && this.#sent > 0;
    this.#step = nextStep(this.#step, { fill, workersBehind }, this.#range);
    return levelWithin(this.#step, bytes, this.#mostWorkBytes, this.#range);
  }

  /** A sealed volume of so many bytes waits to be sent. */
  ready(bytes: number): void {
    if (this.#waiting === 0) this.#busySince = this.#monotonic();
    this.#waiting += bytes;
  }

  /** It has been sent, or never will be. */
  gone(bytes: number): void {
    this.#waiting -= bytes;
    this.#sent += bytes;
    if (this.#waiting === 0) this.#busyMs += this.#monotonic() - this.#busySince;
  }

  /** How long it takes to send what waits, at the rate so far; at least as long as the first has taken already. */
  get #waitingMs(): number {
    if (this.#waiting === 0) return 0;
    const busyMs = this.#busyMs + this.#monotonic() - this.#busySince;
    return this.#sent === 0 ? busyMs : (this.#waiting * busyMs) / this.#sent;
  }
}
