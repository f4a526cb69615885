import { BaseDelay } from './base-delay.js';
import type { Rate } from './rate.js';

/** The queueing delay that `auto` tolerates before it yields, in ms. */
const TARGET_DELAY_MS = 50;

export interface ScavengerOptions {
  readonly min: Rate;
  readonly max: Rate;
  /** The initial rate, between `min` and `max`. */
  readonly start?: Rate;
  readonly targetMs?: number;
}

/** What was seen since the last observation. */
export interface Observation {
  /** Monotonic, ms. */
  readonly nowMs: number;
  /** A round trip, or how long we have waited for one in vain. */
  readonly rttMs: number;
  /** False: `rttMs` is only a lower bound. */
  readonly answered: boolean;
  /** Bytes per second let through since the last observation. */
  readonly sentRate: Rate;
  /** Whether more would have been sent at a higher rate. */
  readonly busy: boolean;
}

/** `filling`: searching for the rate of the line. `holding`: near it. `yielding`: others need the line. */
export type ScavengerState = 'filling' | 'holding' | 'yielding';

/**
 * The control law of `auto`: the rate that keeps the queue at the bottleneck short, whoever fills it.
 *
 * LEDBAT's idea (RFC 6817): the queueing delay is the round trip minus that of the empty path. LEDBAT controls a window; this controls a
 * rate, which no missing acknowledgement slows down. So it cuts sharply instead of easing off, and cuts below what the line carries, so that
 * the queue drains and the empty path is measured regularly:
 * - delay above the target: cut, more deeply the longer the queue is, and keep cutting until it shrinks;
 * - delay below half the target: grow, quickly up to what the line was last seen to carry, then by a few percent a second, more slowly the
 *   longer the delay;
 * - in between: hold, but not for long.
 *
 * Pure: time and what was seen come in as arguments.
 */
export class Scavenger {
  readonly #min: Rate;
  readonly #max: Rate;
  readonly #targetMs: number;
  readonly #base = new BaseDelay();
  /** The latest comes last. */
  readonly #roundTripsMs: number[] = [];
  readonly #queue: { readonly atMs: number; readonly ms: number }[] = [];
  #rate: Rate;
  /** What the line was last seen to carry for us; beyond that, growth is cautious. */
  #carried: Rate;
  #state: ScavengerState = 'filling';
  #cutMs = -Infinity;
  /** The factor per second by which the last observation let the rate grow; 1: not at all. */
  #growth = 1;
  /** When there was last a noticeable queue. */
  #queuedMs = -Infinity;
  /** When the queue was last short enough to grow. */
  #shortMs = Infinity;

  constructor(options: ScavengerOptions) {
    this.#min = options.min;
    this.#max = options.max;
    this.#targetMs = options.targetMs ?? TARGET_DELAY_MS;
    this.#rate = Math.min(options.max, Math.max(options.min, options.start ?? START_RATE));
    this.#carried = Infinity;
  }

  get rate(): Rate {
    return this.#rate;
  }

  get state(): ScavengerState {
    return this.#state;
  }

  /** What the line was last seen to carry for us, bytes per second; before that, the present rate. */
  get lineRate(): Rate {
    return Math.min(this.#max, this.#carried === Infinity ? this.#rate : this.#carried);
  }

  /** The latest estimate of the queueing delay, ms. */
  get queueMs(): number {
    return this.#queue.at(-1)?.ms ?? 0;
  }

  /** Round trip of the empty path, ms; undefined before the first answer. */
  get baseMs(): number | undefined {
    return this.#base.ms;
  }

  /**
   * How long after the last probe the next one is due, ms. A second is soon enough while the rate creeps or rests. While it is changing, or
   * if an answer came late and the next one must tell a hiccup from a queue, a second at the wrong rate would make a long queue.
   */
  get probeMs(): number {
    return this.#inDoubt || this.#inMotion ? SOON_MS : SELDOM_MS;
  }

  get #inDoubt(): boolean {
    const delayMs = (this.#roundTripsMs.at(-1) ?? 0) - (this.#base.ms ?? 0);
    return this.#state !== 'yielding' && delayMs > this.#targetMs / 2;
  }

  get #inMotion(): boolean {
    const grows = this.#growth > CREEP && this.#rate < this.#max;
    return grows || (!this.#ownQueue && this.#rate > this.#min);
  }

  /** How long to wait for an answer before counting it as late, ms. */
  get patienceMs(): number {
    return (this.#base.ms ?? 1000) + 4 * this.#targetMs;
  }

  /** An answer that came after it was counted as late only tells how long the path is. */
  noteLateAnswer(rttMs: number, nowMs: number): void {
    this.#base.note(rttMs, nowMs, this.#quiet);
  }

  /** @returns the new rate */
  observe({ nowMs, rttMs, answered, sentRate, busy }: Observation): Rate {
    if (answered) this.#base.note(rttMs, nowMs, this.#quiet);
    // Until there has been an answer, all waiting counts as queue.
    const baseMs = this.#base.ms ?? 0;
    const before = this.#queue.at(-1);
    this.#roundTripsMs.push(rttMs);
    if (this.#roundTripsMs.length > 2) this.#roundTripsMs.shift();
    // One late answer is a hiccup of the radio link, the server or this process; a queue delays the next one too.
    this.#queue.push({ atMs: nowMs, ms: Math.max(0, Math.min(...this.#roundTripsMs) - baseMs) });
    while (this.#queue.length > 2 && (this.#queue[0]?.atMs ?? nowMs) < nowMs - SLOPE_MS) this.#queue.shift();

    if (this.queueMs > this.#targetMs / 4) this.#queuedMs = nowMs;

    if (this.queueMs <= this.#targetMs / 2) this.#shortMs = nowMs;

    this.#growth = 1;
    // Our own queue grows or drains; one that just stands below the target belongs to someone who is yielding to us.
    if (this.queueMs > this.#targetMs || nowMs - this.#shortMs > STANDING_MS) this.#cut(nowMs, sentRate);
    else if (rttMs - baseMs < this.#targetMs / 2 && busy && before !== undefined) {
      // Grow less the closer the queue is to where growth ends: nothing is seen until the next observation.
      const room = 1 - (rttMs - baseMs) / (this.#targetMs / 2);
      this.#grow(nowMs, room * (nowMs - before.atMs));
    }
    return this.#rate;
  }

  get #quiet(): boolean {
    return this.#rate <= 2 * this.#min;
  }

  /** Whether the queue is short enough to be our own: growth is never so fast that it overshoots by more. */
  get #ownQueue(): boolean {
    return this.queueMs < 4 * this.#targetMs;
  }

  /** Seconds of queue gained per second, over the last few observations. */
  get #slope(): number {
    const [first] = this.#queue;
    const last = this.#queue.at(-1);
    if (first === undefined || last === undefined || first.atMs === last.atMs) return 0;
    return (last.ms - first.ms) / (last.atMs - first.atMs);
  }

  #cut(nowMs: number, sentRate: Rate): void {
    const sinceMs = nowMs - this.#cutMs;
    const slope = this.#slope;
    if (sinceMs < CUT_PAUSE_MS || (this.#ownQueue && slope < DRAINING && sinceMs < DRAIN_PATIENCE_MS)) return;
    // A queue that grows by g seconds per second is fed 1 + g times what the line carries.
    const carried = Math.min(this.#rate, Math.max(sentRate, this.#rate / 2)) / (1 + Math.max(0, slope));
    if (this.#state !== 'yielding') this.#carried = carried;
    // Our own queue drains within a second after this; to a queue of others we yield in larger steps.
    const depth = !this.#ownQueue ? 0.5 : nowMs - this.#shortMs > STANDING_MS ? 0.7 : 1 - this.queueMs / 1000;
    this.#rate = Math.max(this.#min, carried * depth);
    this.#state = 'yielding';
    this.#cutMs = nowMs;
  }

  #grow(nowMs: number, elapsedMs: number): void {
    this.#growth = this.#growthPerSecond(nowMs);
    const stepMs = Math.min(elapsedMs, this.#growth > CREEP ? MAX_STEP_MS : MAX_CREEP_MS);
    this.#rate = Math.min(this.#max, this.#rate * this.#growth ** (stepMs / 1000));
    this.#state = this.#rate >= this.#carried * CAREFUL_SHARE ? 'holding' : 'filling';
  }

  #growthPerSecond(nowMs: number): number {
    if (this.#carried === Infinity) return START_GROWTH;
    const share = this.#rate / this.#carried;
    if (share < 0.5) return REGAIN;
    if (share < CAREFUL_SHARE) return FILL;
    return nowMs - this.#queuedMs > IDLE_MS ? FILL : CREEP;
  }
}

/** 512 kbit/s: hardly any line notices such a start. */
const START_RATE: Rate = 64_000;
/** Growth factors per second: towards an unknown rate of the line, far below a known one, near it, at it. */
const START_GROWTH = 2;
const REGAIN = 4;
const FILL = 1.5;
const CREEP = 1.04;
/** If nothing has queued for this long, the line must have more room than before. */
const IDLE_MS = 8000;
/** Above this share of what the line carried, growth creeps. */
const CAREFUL_SHARE = 0.85;
/** Growth covers the time between two observations, but not a long silence; less of it while growth is fast. */
const MAX_CREEP_MS = 1000;
const MAX_STEP_MS = 250;
/** How long a cut takes to show in the round trips. */
const CUT_PAUSE_MS = 500;
/** A queue that shrinks by at least 50 ms per second is left to drain for a while. */
const DRAINING = -0.05;
const STANDING_MS = 2500;
const DRAIN_PATIENCE_MS = 1200;
/** Intervals between probes. */
const SOON_MS = 400;
const SELDOM_MS = 1000;
/** The queue's slope is taken over at least the last two observations, and over this time if there are more. */
const SLOPE_MS = 700;
