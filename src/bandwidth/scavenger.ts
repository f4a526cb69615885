import { BaseDelay } from './base-delay.js';
import type { Rate } from './rate.js';

/** Queueing delay that `auto` tolerates before it gives way, in ms. */
const TARGET_DELAY_MS = 50;

export interface ScavengerOptions {
  readonly min: Rate;
  readonly max: Rate;
  /** The initial rate, between `min` and `max`. */
  readonly start?: Rate;
  readonly targetMs?: number;
}

/** What was seen since the last look. */
export interface Observation {
  /** Monotonic, ms. */
  readonly nowMs: number;
  /** A round trip, or how long one has been waited for in vain. */
  readonly rttMs: number;
  /** False: `rttMs` is only a lower bound. */
  readonly answered: boolean;
  /** Bytes per second let through since the last observation. */
  readonly sentRate: Rate;
  /** Whether more would have been sent at a higher rate. */
  readonly busy: boolean;
}

/** `filling`: looks for the rate of the line. `holding`: near it. `yielding`: others need the line. */
export type ScavengerState = 'filling' | 'holding' | 'yielding';

/**
 * The control law of `auto`: the rate that keeps the queue before the narrowest link short, whoever fills it.
 *
 * LEDBAT's idea (RFC 6817): queueing delay is the round trip minus that of the empty road. Where LEDBAT steers a window, this steers a
 * rate, which no missing acknowledgement slows down. So it cuts rather than eases off, and cuts below what the line carries, so that
 * the queue drains and the empty road is seen again and again:
 * - delay above the target: cut, the deeper the longer the queue, again and again until it shrinks;
 * - delay below half of it: grow, fast up to what the line was last seen to carry, then by a few per cent a second, less the longer it is;
 * - in between: hold, but not for long.
 *
 * Pure: time and what was seen come in as arguments.
 */
export class Scavenger {
  readonly #min: Rate;
  readonly #max: Rate;
  readonly #targetMs: number;
  readonly #base = new BaseDelay();
  /** Latest last. */
  readonly #roundTripsMs: number[] = [];
  readonly #queue: { readonly atMs: number; readonly ms: number }[] = [];
  #rate: Rate;
  /** What the line was last seen to carry for us; growth is careful from there on. */
  #carried: Rate;
  #state: ScavengerState = 'filling';
  #cutMs = -Infinity;
  /** By how much per second the last look let the rate grow; 1: not at all. */
  #growth = 1;
  /** When there was last a queue worth the name. */
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

  /** Queueing delay as last judged, ms. */
  get queueMs(): number {
    return this.#queue.at(-1)?.ms ?? 0;
  }

  /** Round trip of the empty road, ms; undefined before the first answer. */
  get baseMs(): number | undefined {
    return this.#base.ms;
  }

  /**
   * How long after the last probe the next one is due, ms. A second is soon enough while the rate creeps or rests. While it is in motion, or
   * an answer came late and the next one has to tell a hiccup from a queue, a second of the wrong rate would be a long queue.
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

  /** An answer that came after it had been counted as late: says how long the road is, no more. */
  noteLateAnswer(rttMs: number, nowMs: number): void {
    this.#base.note(rttMs, nowMs, this.#quiet);
  }

  /** @returns the new rate */
  observe({ nowMs, rttMs, answered, sentRate, busy }: Observation): Rate {
    if (answered) this.#base.note(rttMs, nowMs, this.#quiet);
    // Without a single answer so far, all waiting is queue.
    const baseMs = this.#base.ms ?? 0;
    const before = this.#queue.at(-1);
    this.#roundTripsMs.push(rttMs);
    if (this.#roundTripsMs.length > 2) this.#roundTripsMs.shift();
    // One late answer is a hiccup of the air, the server or this process; a queue delays the next one too.
    this.#queue.push({ atMs: nowMs, ms: Math.max(0, Math.min(...this.#roundTripsMs) - baseMs) });
    while (this.#queue.length > 2 && (this.#queue[0]?.atMs ?? nowMs) < nowMs - SLOPE_MS) this.#queue.shift();

    if (this.queueMs > this.#targetMs / 4) this.#queuedMs = nowMs;

    if (this.queueMs <= this.#targetMs / 2) this.#shortMs = nowMs;

    this.#growth = 1;
    // A queue of our own grows or drains; one that merely stands below the target is another's who gives way to us.
    if (this.queueMs > this.#targetMs || nowMs - this.#shortMs > STANDING_MS) this.#cut(nowMs, sentRate);
    else if (rttMs - baseMs < this.#targetMs / 2 && busy && before !== undefined) {
      // The less, the closer the queue is to where growth ends: until the next look nobody sees how it goes on.
      const room = 1 - (rttMs - baseMs) / (this.#targetMs / 2);
      this.#grow(nowMs, room * (nowMs - before.atMs));
    }
    return this.#rate;
  }

  get #quiet(): boolean {
    return this.#rate <= 2 * this.#min;
  }

  /** Whether the queue is short enough to be of our own making: growth is never so fast that it overshoots by more. */
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
    // A queue that gains g seconds per second is fed 1 + g times what the line carries.
    const carried = Math.min(this.#rate, Math.max(sentRate, this.#rate / 2)) / (1 + Math.max(0, slope));
    if (this.#state !== 'yielding') this.#carried = carried;
    // Our own queue drains within a second after this; what else stands there is left to others in larger steps.
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

/** 512 kbit/s: a start that hardly any line notices. */
const START_RATE: Rate = 64_000;
/** Growth per second: towards an unknown line, far below a known one, near it, at it. */
const START_GROWTH = 2;
const REGAIN = 4;
const FILL = 1.5;
const CREEP = 1.04;
/** Where nothing has queued for so long, the line must have more room than it had. */
const IDLE_MS = 8000;
/** From this share of what the line carried, growth creeps. */
const CAREFUL_SHARE = 0.85;
/** Growth for the time between two observations, but not for a long silence; less of it where it is fast. */
const MAX_CREEP_MS = 1000;
const MAX_STEP_MS = 250;
/** A cut needs this long to show in the round trips. */
const CUT_PAUSE_MS = 500;
/** A queue that shrinks by 5 % of the time and more is left to drain for a while. */
const DRAINING = -0.05;
const STANDING_MS = 2500;
const DRAIN_PATIENCE_MS = 1200;
/** From one probe to the next. */
const SOON_MS = 400;
const SELDOM_MS = 1000;
/** The slope of the queue is that of the last two observations, or of more where they are closer. */
const SLOPE_MS = 700;
