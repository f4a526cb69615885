import type { Clock } from '../clock.js';
import { asFailure } from '../errors.js';
import type { Emit } from '../events.js';
import type { DelayProbe } from './delay-probe.js';
import type { Gate } from './gate.js';
import { formatRate } from './rate.js';
import { Scavenger } from './scavenger.js';
import type { ScavengerOptions, ScavengerState } from './scavenger.js';

export interface AutoReport {
  readonly state: ScavengerState;
  /** The latest estimate of the queueing delay, ms. */
  readonly queueMs: number;
  /** The round trip without a queue, ms; null before the first answer. */
  readonly baseMs: number | null;
}

export interface AutoOptions {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly probe: DelayProbe;
  readonly signal: AbortSignal;
  readonly scavenger: ScavengerOptions;
}

/** How often to check whether a probe is due; several may be in flight. */
const TICK_MS = 200;
/** Interval between probes while nothing is sent: enough to know the path's own delay when sending begins. */
const IDLE_PROBE_MS = 1000;
/** A probe is abandoned after this long without an answer. */
const GIVE_UP_MS = 5000;
/** A warning follows after this many failed probes in a row. */
const FAILURES_TOLD = 10;

/** Connects probe, control law and gate until aborted. @returns a function that reports the present state */
export function runAuto(options: AutoOptions): () => AutoReport {
  const loop = new AutoLoop(options);
  void loop.run();
  return () => loop.report;
}

class AutoLoop {
  readonly #options: AutoOptions;
  readonly #law: Scavenger;
  #seen: { readonly atMs: number; readonly bytes: number };
  #busy = false;
  #failures = 0;
  #yielded = false;

  constructor(options: AutoOptions) {
    this.#options = options;
    this.#law = new Scavenger(options.scavenger);
    this.#seen = { atMs: options.clock.monotonic(), bytes: options.gate.admittedBytes };
    options.gate.setRate(this.#law.rate);
  }

  get report(): AutoReport {
    return {
      state: this.#law.state,
      queueMs: Math.round(this.#law.queueMs),
      baseMs: this.#law.baseMs ?? null,
    };
  }

  async run(): Promise<void> {
    const { clock, gate, signal } = this.#options;
    let probedAtMs = Number.NEGATIVE_INFINITY;
    let admitted = gate.admittedBytes;
    while (!signal.aborted) {
      const idle = !gate.busy && gate.admittedBytes === admitted;
      admitted = gate.admittedBytes;
      const nowMs = clock.monotonic();
      if (nowMs - probedAtMs >= (idle ? IDLE_PROBE_MS : this.#law.probeMs)) {
        probedAtMs = nowMs;
        void this.#measure();
      }
      try {
        await clock.sleep(TICK_MS, signal);
      } catch {
        return;
      }
      this.#busy ||= this.#options.gate.busy;
    }
  }

  async #measure(): Promise<void> {
    const { clock, probe, signal } = this.#options;
    const sentMs = clock.monotonic();
    const over = new AbortController();
    const end = () => {
      over.abort();
    };
    signal.addEventListener('abort', end, { once: true });
    const late = { yes: false };
    const patience = this.#patience(sentMs, over, late);
    try {
      const rttMs = await probe(over.signal);
      this.#failures = 0;
      if (late.yes) this.#law.noteLateAnswer(rttMs, clock.monotonic());
      else if (!signal.aborted) this.#observe(rttMs, true);
    } catch (error) {
      if (!signal.aborted)
        this.#failed(over.signal.aborted ? new Error(`no answer within ${GIVE_UP_MS / 1000} s`) : error);
    } finally {
      signal.removeEventListener('abort', end);
      over.abort();
    }
    await patience;
  }

  /** Counts a probe as late once the law's patience is over, and abandons it in the end. */
  async #patience(sentMs: number, over: AbortController, late: { yes: boolean }): Promise<void> {
    const { clock } = this.#options;
    try {
      await clock.sleep(Math.min(GIVE_UP_MS, this.#law.patienceMs), over.signal);
      late.yes = true;
      const waitedMs = clock.monotonic() - sentMs;
      this.#observe(waitedMs, false);
      await clock.sleep(Math.max(0, GIVE_UP_MS - waitedMs), over.signal);
      over.abort();
    } catch {
      // Answered in time.
    }
  }

  #observe(rttMs: number, answered: boolean): void {
    const { gate, clock } = this.#options;
    const nowMs = clock.monotonic();
    const elapsedMs = nowMs - this.#seen.atMs;
    if (elapsedMs <= 0) return;
    const sentRate = ((gate.admittedBytes - this.#seen.bytes) * 1000) / elapsedMs;
    const busy = this.#busy || gate.busy;
    this.#busy = false;
    this.#seen = { atMs: nowMs, bytes: gate.admittedBytes };
    gate.setRate(this.#law.observe({ nowMs, rttMs, answered, sentRate, busy }));
    this.#tell();
  }

  /** The rate changes all the time; the log only records when we yield the line and when we take it back. */
  #tell(): void {
    const { clock, emit, gate, scavenger } = this.#options;
    const low = Math.max(2 * scavenger.min, this.#law.lineRate / 4);
    if (!this.#yielded && this.#law.state === 'yielding' && this.#law.rate <= low) {
      this.#yielded = true;
      emit({
        type: 'limit-changed',
        at: clock.now(),
        rate: gate.rate,
        reason: `auto: giving way, ${Math.round(this.#law.queueMs)} ms of queue before the line`,
      });
    } else if (this.#yielded && this.#law.state === 'holding') {
      this.#yielded = false;
      emit({
        type: 'limit-changed',
        at: clock.now(),
        rate: gate.rate,
        reason: 'auto: the line is free again',
      });
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures !== FAILURES_TOLD) return;
    const { emit, gate, scavenger } = this.#options;
    // Without measurements we must not get in anybody's way.
    gate.setRate(scavenger.min);
    emit({
      type: 'warning',
      message: `bandwidth limit auto: the delay cannot be measured (${asFailure(error).message}), holding ${formatRate(scavenger.min)} until it can`,
    });
  }
}
