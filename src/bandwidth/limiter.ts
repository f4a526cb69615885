import type { Clock } from '../clock.js';
import type { Emit } from '../events.js';
import { runAuto } from './auto.js';
import type { AutoReport } from './auto.js';
import type { DelayProbe } from './delay-probe.js';
import { Gate } from './gate.js';
import { markLowerEffort } from './lower-effort.js';
import { formatLimit, NO_LIMIT, sameLimit } from './limit.js';
import type { Limit, LimitSpec } from './limit.js';
import { formatRate } from './rate.js';
import type { Rate } from './rate.js';
import type { Throttle } from './throttle.js';
import { formatMinuteOfWeek, minuteOfWeek, nextSwitch, valueAt } from './timetable.js';

export interface LimiterOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Needed for `auto`; without it `auto` holds its lower rate. */
  readonly probe?: DelayProbe;
  /** The queueing delay that `auto` tolerates, ms. */
  readonly targetDelayMs?: number;
}

/** What `backuppc-b2 bwlimit` and `status` show; plain data. */
export interface LimitStatus {
  /** The configured limit, for people. */
  readonly limit: string;
  /** Bytes per second at this moment; null when unlimited. */
  readonly bytesPerSecond: number | null;
  /** The same in words: `1 MiB/s (8.39 Mbit/s)`. */
  readonly rate: string;
  /** Why the limit is what it is: `--bwlimit`, the file, a command, the signal. */
  readonly reason: string;
  /** Whether the toggle has lifted the limit for now. */
  readonly lifted: boolean;
  /** The next change of a timetable: `Mon 19:00: 4 MiB/s (33.6 Mbit/s)`. */
  readonly next?: string;
  readonly auto?: AutoReport;
}

/** A throttle whose limit can change while bytes wait. */
export interface Limiter extends Throttle {
  /** Replaces the limit and resets the toggle. `reason` goes into the log. */
  set(spec: LimitSpec, reason: string): void;
  /** Lifts the limit, or restores it. */
  toggle(reason: string): void;
  status(): LimitStatus;
  /** Bytes let through since the start. */
  readonly admittedBytes: number;
}

/** A timetable takes effect within this time. */
const LOOK_MS = 500;

/**
 * The throttle of a run: one bucket for `--bwlimit`, the file, the command and the signal; the latest one wins. Reports on `emit` when and
 * why the limit changes. `close()` stops its timers; bytes still waiting are let through at the last rate.
 */
export function createThrottle(spec: LimitSpec, options: LimiterOptions): Limiter {
  return new PacedLimiter(spec, options);
}

class PacedLimiter implements Limiter {
  readonly #options: LimiterOptions;
  readonly #gate: Gate;
  readonly #closed = new AbortController();
  #spec: LimitSpec;
  #reason = 'as configured';
  #lifted = false;
  #inForce: Limit = NO_LIMIT;
  /** Stops what the current spec keeps running: the timetable's ticks. */
  #specEnds = new AbortController();
  #autoEnds = new AbortController();
  #autoReport: (() => AutoReport) | undefined;

  constructor(spec: LimitSpec, options: LimiterOptions) {
    this.#options = options;
    this.#gate = new Gate(options.clock);
    this.#spec = spec;
    this.#begin(spec);
  }

  get sliceBytes(): number {
    return this.#gate.sliceBytes;
  }

  get rate(): Rate | undefined {
    return this.#gate.rate;
  }

  get admittedBytes(): number {
    return this.#gate.admittedBytes;
  }

  take(bytes: number, signal?: AbortSignal): Promise<number> | undefined {
    return this.#gate.take(bytes, signal);
  }

  /** With `auto`, packets are also marked for routers as lower effort. */
  connected(socket: object): void {
    if (this.#inForce.kind === 'auto') markLowerEffort(socket);
  }

  set(spec: LimitSpec, reason: string): void {
    this.#spec = spec;
    this.#reason = reason;
    this.#lifted = false;
    this.#begin(spec);
  }

  toggle(reason: string): void {
    this.#lifted = !this.#lifted;
    this.#reason = this.#lifted ? `lifted: ${reason}` : `restored: ${reason}`;
    this.#begin(this.#lifted ? NO_LIMIT : this.#spec);
  }

  status(): LimitStatus {
    const timetable = this.#spec.kind === 'timetable' ? this.#spec.timetable : undefined;
    const next = timetable && nextSwitch(timetable, minuteOfWeek(this.#options.clock.now()));
    const auto = this.#autoReport?.();
    return {
      limit: formatLimit(this.#spec),
      bytesPerSecond: this.rate ?? null,
      rate: formatRate(this.rate),
      reason: this.#reason,
      lifted: this.#lifted,
      ...(next && { next: `${formatMinuteOfWeek(next.minuteOfWeek)}: ${formatLimit(next.value)}` }),
      ...(auto && { auto }),
    };
  }

  close(): void {
    this.#closed.abort();
    this.#specEnds.abort();
    this.#autoEnds.abort();
  }

  #begin(spec: LimitSpec): void {
    if (this.#closed.signal.aborted) return;
    this.#specEnds.abort();
    this.#specEnds = new AbortController();
    if (spec.kind !== 'timetable') {
      this.#enforce(spec, this.#reason);
      return;
    }
    const { clock } = this.#options;
    const look = (reason: string) => {
      this.#enforce(valueAt(spec.timetable, minuteOfWeek(clock.now())), reason);
    };
    look(this.#reason);
    void every(LOOK_MS, clock, this.#specEnds.signal, () => {
      look('timetable');
    });
  }

  #enforce(limit: Limit, reason: string): void {
    if (sameLimit(limit, this.#inForce)) return;
    this.#inForce = limit;
    this.#autoEnds.abort();
    this.#autoReport = undefined;
    if (limit.kind === 'auto') this.#startAuto(limit);
    else this.#gate.setRate(limit.kind === 'fixed' ? limit.rate : undefined);
    const { clock, emit } = this.#options;
    emit({ type: 'limit-changed', at: clock.now(), rate: this.rate, reason });
  }

  #startAuto({ min, max }: { readonly min: Rate; readonly max: Rate }): void {
    const { clock, emit, probe, targetDelayMs } = this.#options;
    if (probe === undefined) {
      this.#gate.setRate(min);
      emit({
        type: 'warning',
        message: `bandwidth limit auto: nothing to measure the delay with, holding ${formatRate(min)}`,
      });
      return;
    }
    this.#autoEnds = new AbortController();
    const signal = this.#autoEnds.signal;
    this.#autoReport = runAuto({
      gate: this.#gate,
      clock,
      emit,
      probe,
      signal,
      scavenger: { min, max, ...(targetDelayMs !== undefined && { targetMs: targetDelayMs }) },
    });
  }
}

/** Calls `action` every `ms` until aborted. */
async function every(ms: number, clock: Clock, signal: AbortSignal, action: () => void): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(ms, signal);
    } catch {
      return;
    }
    action();
  }
}
