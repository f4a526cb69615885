/**
 * How many upload connections are worth having: a pure controller. It measures how fast the sockets accept bytes with the present
 * number, tries more or fewer, and keeps what the measurement favours. Time and counts come in as arguments.
 *
 * A trial first settles, because a new connection fills the kernel's send buffer at once, which looks like throughput. More is tried in
 * large steps at first, as on a long fat link each connection adds its share; fewer one by one.
 */

/** What is true at one moment. */
export interface ThroughputSample {
  /** Monotonic. */
  readonly nowMs: number;
  /** Bytes that all sockets have accepted since the beginning. */
  readonly acceptedBytes: number;
  /** Slices that they were accepted in: the grain of the measurement. */
  readonly acceptedSlices: number;
  /** Those of them that the bandwidth limit had kept waiting. */
  readonly heldSlices: number;
  readonly busy: number;
  /** Uploads that wait for a connection. */
  readonly waiting: number;
}

export const TUNING = {
  startConnections: 3,
  settleMs: 1500,
  measureMs: 2000,
  /** A window also lasts until each connection has had so many slices accepted … */
  slicesPerConnection: 24,
  /** … but no longer than this. */
  longestMeasureMs: 30_000,
  /** Windows are so many times longer once the climb is over: small steps want exact measurements. */
  careful: 3,
  /** More connections must bring this share of what they would bring if each were as fast as the present ones. */
  worthwhileShare: 0.35,
  /** Fewer are better, if they lose no more than this. */
  tolerableLoss: 0.03,
  /** How long to leave a number alone once neither more nor fewer were better; doubles up to the longest. */
  holdMs: 30_000,
  longestHoldMs: 480_000,
  /** After being told to slow down. */
  penaltyMs: 60_000,
} as const;

/** What is tried: twice as many while that helps, then a quarter more, then a quarter fewer. */
type Search = 'climb' | 'more' | 'fewer';
type Phase = 'settle' | 'measure' | 'hold';

interface Window {
  readonly phase: Phase;
  readonly sinceMs: number;
  readonly bytes: number;
  readonly slices: number;
  readonly held: number;
  /** Observations in this window, and those with an idle connection: then the source is what limits. */
  seen: number;
  idle: number;
}

export class AdaptiveConnections {
  readonly #max: number;
  /** The number that the last comparison favoured, and its bytes per ms once measured. */
  #base: number;
  #baseRate: number | undefined;
  /** The number in use: `base`, or the one on trial. */
  #allowed: number;
  #search: Search = 'climb';
  #holdMs: number = TUNING.holdMs;
  #window: Window | undefined;
  #confirmed = 0;
  #busyAnswers = 0;

  constructor(max: number) {
    this.#max = Math.max(1, max);
    this.#base = Math.min(this.#max, TUNING.startConnections);
    this.#allowed = this.#base;
  }

  get allowed(): number {
    return this.#allowed;
  }

  /** The number that is not on trial. */
  get settled(): number {
    return this.#base;
  }

  /** To be called often while bytes flow; every tenth of a second is enough. */
  observe(now: ThroughputSample): void {
    const window = this.#window;
    if (window === undefined) return this.#open('settle', now);
    window.seen += 1;
    if (now.busy < this.#allowed) window.idle += 1;
    const elapsedMs = now.nowMs - window.sinceMs;
    if (window.phase === 'hold') {
      if (elapsedMs < this.#holdMs) return;
      this.#holdMs = Math.min(TUNING.longestHoldMs, this.#holdMs * 2);
      return this.#open('settle', now);
    }
    if (window.phase === 'settle') {
      // Connections too many end with their parts, and count until then.
      if (now.busy <= this.#allowed && elapsedMs >= TUNING.settleMs) this.#open('measure', now);
      return;
    }
    const times = this.#search === 'climb' ? 1 : TUNING.careful;
    const enough = now.acceptedSlices - window.slices >= times * TUNING.slicesPerConnection * this.#allowed;
    if (elapsedMs < times * TUNING.measureMs || (!enough && elapsedMs < times * TUNING.longestMeasureMs))
      return;
    // With idle connections the rate says something about the source, nothing about the link.
    if (window.idle > window.seen / 4) {
      this.#allowed = this.#base;
      return this.#open('settle', now);
    }
    this.#judge((now.acceptedBytes - window.bytes) / elapsedMs, now);
  }

  /** An upload was confirmed. */
  confirmed(): void {
    this.#confirmed += 1;
    if (this.#confirmed + this.#busyAnswers >= 64) this.#forgetHalf();
  }

  /** The store said 429: we are too many. */
  slowDown(nowMs: number): void {
    this.#reduce(Math.floor(this.#base * 0.7), nowMs);
  }

  /** The store said 503: its normal way to send us to another server, unless it says so again and again. */
  busy(nowMs: number): void {
    this.#busyAnswers += 1;
    if (this.#busyAnswers >= 4 && this.#busyAnswers > this.#confirmed / 2) {
      this.#reduce(this.#base - 1, nowMs);
      this.#forgetHalf();
    }
  }

  #judge(rate: number, now: ThroughputSample): void {
    const trial = this.#allowed - this.#base;
    if (trial === 0) {
      this.#baseRate = rate;
      return this.#tryNext(now);
    }
    const before = this.#baseRate ?? rate;
    const better =
      trial > 0
        ? rate >= before * (1 + (trial / this.#base) * TUNING.worthwhileShare)
        : rate >= before * (1 - TUNING.tolerableLoss);
    if (better) {
      this.#base = this.#allowed;
      this.#baseRate = rate;
      this.#holdMs = TUNING.holdMs;
      return this.#tryNext(now);
    }
    this.#allowed = this.#base;
    this.#turn(now);
  }

  /** The next trial in the present direction; the other direction, or rest, where there is none. */
  #tryNext(now: ThroughputSample): void {
    const quarter = Math.max(1, Math.round(this.#base / 4));
    const next = { climb: this.#base * 2, more: this.#base + quarter, fewer: this.#base - quarter }[
      this.#search
    ];
    const possible = Math.min(this.#max, Math.max(1, next));
    const useless = now.waiting === 0 || this.#isHeld(now);
    if (possible === this.#base || (possible > this.#base && useless)) return this.#turn(now);
    this.#allowed = possible;
    this.#open('settle', now);
  }

  /** Whether a limit decides how fast it goes: a connection more brings nothing then, and its handshake comes on top of the limit. */
  #isHeld(now: ThroughputSample): boolean {
    const { slices = 0, held = 0 } = this.#window ?? {};
    return now.heldSlices - held > (now.acceptedSlices - slices) / 2;
  }

  /** This direction brings nothing more. */
  #turn(now: ThroughputSample): void {
    if (this.#search === 'fewer') {
      this.#search = 'more';
      this.#open('hold', now);
      return;
    }
    this.#search = this.#search === 'climb' ? 'more' : 'fewer';
    // With what the link carries now, measured again, more carefully.
    this.#open('settle', now);
  }

  #reduce(to: number, nowMs: number): void {
    this.#base = Math.max(1, to);
    this.#allowed = this.#base;
    this.#baseRate = undefined;
    this.#search = 'more';
    this.#holdMs = TUNING.penaltyMs;
    this.#window = { phase: 'hold', sinceMs: nowMs, bytes: 0, slices: 0, held: 0, seen: 0, idle: 0 };
  }

  #open(phase: Phase, now: ThroughputSample): void {
    const { nowMs: sinceMs, acceptedBytes: bytes, acceptedSlices: slices, heldSlices: held } = now;
    this.#window = { phase, sinceMs, bytes, slices, held, seen: 0, idle: 0 };
  }

  #forgetHalf(): void {
    this.#confirmed /= 2;
    this.#busyAnswers /= 2;
  }
}
