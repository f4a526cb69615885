/** The one loop that repeats calls to the store: asks `decide`, pauses, and keeps the budget. */
import type { Clock } from '../../clock.js';
import { Failure, oneLine } from '../../errors.js';
import type { Emit } from '../../events.js';
import { PauseGate } from './pause-gate.js';
import { decide, type Decision, type Stage, type Trouble, type TroubleKind } from './retry.js';
import { VolumeLost } from '../../store.js';

/** One failed attempt, as the store's translator understood it. */
export class TroubleError extends Error {
  override readonly name = 'TroubleError';
  readonly trouble: Trouble;
  /** The upload URL it happened on. */
  readonly endpoint: string | undefined;
  constructor(trouble: Trouble, endpoint?: string) {
    super(trouble.reason);
    this.trouble = trouble;
    this.endpoint = endpoint;
  }
}

export type Retry = Extract<Decision, { action: 'retry' }>;

export interface TriedCall {
  /** For the log: `b2_upload_part 7`. */
  readonly operation: string;
  readonly stage: Stage;
  /** The large file it is about. */
  readonly fileId?: string;
  /** Called before each further try: drop the upload URL, get a token. */
  prepare?(this: void, retry: Retry, trouble: Trouble): Promise<void> | void;
}

export interface RetriedCall<T> extends TriedCall {
  /** One try. Throws a `TroubleError` for what can be judged here; anything else goes to the caller as it is. */
  attempt(nth: number): Promise<T>;
  /** Called after trouble, where the call may have worked all the same. undefined: it has not. */
  settle?(trouble: Trouble): Promise<T | undefined> | T | undefined;
}

export interface RetryingOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  /** Failed attempts without progress before a call gives up. */
  readonly budget: number;
  /** Counts retries. */
  readonly counters: { retries: number };
}

export class Retrying {
  readonly gate: PauseGate;
  readonly options: RetryingOptions;
  #progress = 0;

  constructor(options: RetryingOptions) {
    this.options = options;
    this.gate = new PauseGate(options.clock);
  }

  /** The store confirmed something: every call that waits may try as often again as at its beginning. */
  noteProgress(): void {
    this.#progress += 1;
  }

  get progress(): number {
    return this.#progress;
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
  #inARow: { kind: TroubleKind; urls: Set<string> } | undefined;
  #failures = 0;
  #spent = 0;
  #seenProgress: number;

  constructor(retrying: Retrying, call: TriedCall, signal?: AbortSignal) {
    this.#retrying = retrying;
    this.#call = call;
    this.#signal = signal;
    this.#seenProgress = retrying.progress;
  }

  /** Resolves when the call may be tried again. @throws Failure, VolumeLost, or the signal's reason */
  async failed({ trouble, endpoint }: TroubleError): Promise<void> {
    const { clock, random, emit, counters, budget } = this.#retrying.options;
    const { operation, stage, fileId, prepare } = this.#call;
    const decision = decide({ ...this.#count(trouble, endpoint), stage, trouble, budget }, random());
    if (decision.action === 'stop') {
      const { kind, message, hint } = decision.refusal;
      throw new Failure(kind, oneLine(message), hint === undefined ? {} : { hint });
    }
    if (decision.action === 'begin-anew') throw new VolumeLost(fileId ?? '', oneLine(decision.reason));

    const { pauseMs } = decision;
    counters.retries += 1;
    emit({ type: 'retry', operation, reason: oneLine(trouble.reason), pauseMs, attempt: this.#failures });
    // Before anything is waited for: others are about to start.
    if (decision.forAll) this.#retrying.gate.close(pauseMs);
    await prepare?.(decision, trouble);
    if (!decision.forAll && pauseMs > 0) await sleep(clock, pauseMs, this.#signal);
  }

  #count({ kind }: Trouble, endpoint: string | undefined) {
    const { progress } = this.#retrying;
    this.#failures += 1;
    this.#spent = progress === this.#seenProgress ? this.#spent + 1 : 1;
    this.#seenProgress = progress;
    const sameTrouble = (this.#tally.get(kind) ?? 0) + 1;
    this.#tally.set(kind, sameTrouble);
    if (this.#inARow?.kind !== kind) this.#inARow = { kind, urls: new Set() };
    // Calls without an upload URL reach whatever server is behind the API: each try counts.
    this.#inARow.urls.add(endpoint ?? String(this.#failures));
    return { spent: this.#spent, sameTrouble, distinctUrls: this.#inARow.urls.size };
  }
}

/** `clock.sleep`, rejecting with the signal's own reason. */
async function sleep(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (thrown) {
    signal?.throwIfAborted();
    throw thrown;
  }
}
