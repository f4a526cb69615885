/** The one loop that repeats calls to the store: asks `decideRetry`, pauses, and keeps the budget. */
import type { Clock } from '../../clock.js';
import { Failure, oneLine } from '../../errors.js';
import type { Emit } from '../../events.js';
import { PauseGate } from './pause-gate.js';
import {
  decideRetry,
  isShared,
  type RetryDecision,
  type Patience,
  type CallStage,
  type Trouble,
  type TroubleKind,
} from './retry.js';
import { VolumeLost } from '../../store.js';

/** One failed attempt, as the store's translator understood it. */
export class TroubleError extends Error {
  override readonly name = 'TroubleError';
  readonly trouble: Trouble;
  constructor(trouble: Trouble) {
    super(trouble.reason);
    this.trouble = trouble;
  }
}

export type Retry = Extract<RetryDecision, { action: 'retry' }>;

export interface TriedCall {
  /** For the log: `b2_upload_part 7`. */
  readonly operation: string;
  readonly stage: CallStage;
  /** The large file it is about. */
  readonly fileId?: string;
  /** Default: that of the loop. */
  readonly patience?: Patience;
  /** Called before each further try: drop the upload URL, get a token. */
  prepare?(this: void, retry: Retry, trouble: Trouble): Promise<void> | void;
}

export interface RetriedCall<T> extends TriedCall {
  /** One try. Throws a `TroubleError` for what can be judged here; anything else goes to the caller as it is. */
  attempt(nth: number): Promise<T>;
  /** Called after trouble, to find out whether the call has succeeded after all. undefined: it has not. */
  settle?(trouble: Trouble): Promise<T | undefined> | T | undefined;
}

export interface RetryingOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  readonly patience: Patience;
  /** Counts retries. */
  readonly counters: { retries: number };
}

/** A call that waits for its next try. */
interface Sleeper {
  readonly kind: TroubleKind;
  readonly fileId: string | undefined;
  readonly woken: AbortController;
}

export class Retrying {
  readonly gate: PauseGate;
  readonly options: RetryingOptions;
  #progressAtMs = Number.NEGATIVE_INFINITY;
  readonly #sleepers = new Set<Sleeper>();

  constructor(options: RetryingOptions) {
    this.options = options;
    this.gate = new PauseGate(options.clock);
  }

  /**
   * The store confirmed something: patience starts again for every waiting call, and those whose trouble must be over continue at once.
   * @param fileId the large file that it belongs to
   */
  noteProgress(fileId?: string): void {
    this.#progressAtMs = this.options.clock.monotonic();
    for (const sleeper of this.#sleepers) {
      const sameVault = fileId !== undefined && sleeper.fileId === fileId;
      if (sameVault || isShared(sleeper.kind)) sleeper.woken.abort();
    }
  }

  /** When the store last confirmed anything, on the monotonic clock. */
  get progressAtMs(): number {
    return this.#progressAtMs;
  }

  /** Resolves after `ms`, or earlier where progress says that the trouble is over. Rejects with the signal's reason. */
  async pause(
    ms: number,
    kind: TroubleKind,
    fileId: string | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    const sleeper: Sleeper = { kind, fileId, woken: new AbortController() };
    const either =
      signal === undefined ? sleeper.woken.signal : AbortSignal.any([signal, sleeper.woken.signal]);
    this.#sleepers.add(sleeper);
    try {
      await this.options.clock.sleep(ms, either);
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!sleeper.woken.signal.aborted) throw thrown;
    } finally {
      this.#sleepers.delete(sleeper);
    }
  }

  async run<T>(call: RetriedCall<T>, signal?: AbortSignal): Promise<T> {
    const tries = new Tries(this, call, signal);
    for (let nth = 1; ; nth++) {
      await this.gate.passed(signal);
      try {
        return await call.attempt(nth);
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!(thrown instanceof TroubleError)) throw thrown;
        if (call.settle !== undefined) {
          const settled = await call.settle(thrown.trouble);
          if (settled !== undefined) return settled;
        }
        await tries.failed(thrown);
      }
    }
  }
}

/** The failed attempts of one call, and what they lead to. */
export class Tries {
  readonly #retrying: Retrying;
  readonly #call: TriedCall;
  readonly #signal: AbortSignal | undefined;
  readonly #tally = new Map<TroubleKind, number>();
  #failures = 0;
  #firstFailureAtMs = 0;

  constructor(retrying: Retrying, call: TriedCall, signal?: AbortSignal) {
    this.#retrying = retrying;
    this.#call = call;
    this.#signal = signal;
  }

  /** A part of the call worked (bytes of a download came): its earlier failures are over. */
  worked(): void {
    this.#failures = 0;
    this.#tally.clear();
    this.#retrying.noteProgress();
  }

  /** Resolves when the call may be tried again. @throws Failure, VolumeLost, or the signal's reason */
  async failed({ trouble }: TroubleError): Promise<void> {
    const { random, emit, counters, patience } = this.#retrying.options;
    const { operation, stage, fileId, prepare } = this.#call;
    const attempt = { stage, trouble, patience: this.#call.patience ?? patience, ...this.#count(trouble) };
    const decision = decideRetry(attempt, random());
    if (decision.action === 'stop') {
      const { kind, message, hint } = decision.refusal;
      throw new Failure(kind, oneLine(message), hint === undefined ? {} : { hint });
    }
    if (decision.action === 'begin-anew') throw new VolumeLost(fileId ?? '', oneLine(decision.reason));

    const { pauseMs } = decision;
    counters.retries += 1;
    emit({ type: 'retry', operation, reason: oneLine(trouble.reason), pauseMs, attempt: this.#failures });
    // Before any pause, because others are about to start.
    if (decision.forAll) this.#retrying.gate.close(pauseMs);
    await prepare?.(decision, trouble);
    if (!decision.forAll && pauseMs > 0)
      await this.#retrying.pause(pauseMs, trouble.kind, fileId, this.#signal);
  }

  #count({ kind }: Trouble) {
    const nowMs = this.#retrying.options.clock.monotonic();
    if (this.#failures === 0) this.#firstFailureAtMs = nowMs;
    this.#failures += 1;
    const sameTrouble = (this.#tally.get(kind) ?? 0) + 1;
    this.#tally.set(kind, sameTrouble);
    return {
      failures: this.#failures,
      sameTrouble,
      troubleMs: nowMs - this.#firstFailureAtMs,
      quietMs: nowMs - Math.max(this.#firstFailureAtMs, this.#retrying.progressAtMs),
    };
  }
}
