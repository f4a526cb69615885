/** The worker threads: Piscina, with priorities, a watch on hung workers, and buffers that move. */
import { Piscina } from 'piscina';
import type { CompressedChunk, CompressRequest } from '../compression/chunk.js';
import type { CompressedWhole, WholeToCompress } from '../compression/volume-compressor.js';
import { errorCode, Failure } from '../errors.js';
import { SEAL_WORKER } from '../files.js';
import { type Lane, Lanes } from './lanes.js';
import type { Workers } from './ports.js';
import { type TaskOutcome, type ResultOf, revive, type Task, type TaskKind, type TaskOf } from './tasks.js';
import { THREAD_ARGUMENTS } from './thread-options.js';

export interface WorkerPoolOptions {
  readonly workers: number;
  /** Whether one of the threads is kept for the `chain` lane. It remembers the chains of `rfc4880`. Default false. */
  readonly chained?: boolean;
  /** How long one task may take before its worker counts as hung, ms. Default 10 minutes. */
  readonly taskTimeoutMs?: number | undefined;
  /** For tests: another worker module. */
  readonly workerFile?: URL | undefined;
}

/** Of a worker's JavaScript heap; its buffers are not in there. */
const WORKER_HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

const TASK_TIMEOUT_MS = 600_000;

/**
 * At most `workers` tasks are in the threads at once; waiting seal tasks go before waiting compress tasks. Buffers travel by transfer: a
 * buffer given to a method is detached from the caller at once and comes back in the result, possibly as another ArrayBuffer of the same
 * size. A worker that throws, runs out of memory or is killed rejects its task with a `Failure`; nothing ever hangs.
 */
export class WorkerPool implements Workers {
  readonly workers: number;
  readonly #options: WorkerPoolOptions;
  readonly #threads: Piscina<Task, TaskOutcome<unknown>>;
  readonly #chainThread: Piscina<Task, TaskOutcome<unknown>> | undefined;
  readonly #lanes: Lanes;
  /** Some task may never settle. */
  #broken = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.workers = options.workers;
    this.#lanes = new Lanes(options.workers);
    const chained = options.chained === true;
    this.#threads = this.#start(chained ? Math.max(1, options.workers - 1) : options.workers);
    this.#chainThread = chained ? this.#start(1) : undefined;
  }

  #start(threads: number): Piscina<Task, TaskOutcome<unknown>> {
    const pool = new Piscina<Task, TaskOutcome<unknown>>({
      filename: (this.#options.workerFile ?? SEAL_WORKER).href,
      recordTiming: false,
      minThreads: threads,
      maxThreads: threads,
      resourceLimits: WORKER_HEAP,
      execArgv: THREAD_ARGUMENTS,
    });
    // Raised when a worker dies between two tasks. It may never have started, and then tasks would wait for ever.
    pool.on('error', (error: unknown) => {
      this.#broken = true;
      this.#lanes.stop(workerDeath(error, 'between two tasks'), true);
    });
    return pool;
  }

  /** Whether another task would start at once. */
  get idle(): boolean {
    return this.#lanes.idle;
  }

  /**
   * @param task made when its turn has come
   * @param buffers of the task, moved to the worker
   * @throws Failure
   */
  run<K extends TaskKind>(
    lane: Lane,
    task: () => TaskOf<K> & { readonly kind: K },
    buffers: ArrayBuffer[],
  ): Promise<ResultOf<K>> {
    const threads = lane === 'chain' ? (this.#chainThread ?? this.#threads) : this.#threads;
    return this.#lanes.run(lane, () => this.#submit<K>(threads, task(), buffers));
  }

  async compress(request: CompressRequest): Promise<CompressedChunk> {
    const input = take(request.input);
    const output = take(request.output);
    const task = { ...request, kind: 'compress', input, output } as const;
    return this.run('compress', () => task, [input, output]);
  }

  async compressWhole(request: WholeToCompress): Promise<CompressedWhole> {
    const buffer = take(request.buffer);
    const output = take(request.output);
    const task = { ...request, kind: 'compressWhole', buffer, output } as const;
    return this.run('compress', () => task, [buffer, output]);
  }

  async fingerprint(
    key: Uint8Array,
    moved: ArrayBuffer,
    offset: number,
  ): Promise<{ readonly buffer: ArrayBuffer; readonly digest: string }> {
    const buffer = take(moved);
    return this.run('seal', () => ({ kind: 'fingerprint', key, buffer, offset }), [buffer]);
  }

  async #submit<K extends TaskKind>(
    threads: Piscina<Task, TaskOutcome<unknown>>,
    task: TaskOf<K> & { readonly kind: K },
    transferList: ArrayBuffer[],
  ): Promise<ResultOf<K>> {
    // V8 has been seen to spin at its heap limit instead of giving up: a worker that hangs must not hang the archive.
    const timeoutMs = this.#options.taskTimeoutMs ?? TASK_TIMEOUT_MS;
    const watch = setTimeout(() => {
      this.#broken = true;
      const seconds = Math.round(timeoutMs / 1000);
      this.#lanes.stop(
        new Failure('internal', `a worker thread has hung for ${seconds} s ${DOING[task.kind]}`),
        true,
      );
    }, timeoutMs);
    let outcome: TaskOutcome<unknown>;
    try {
      outcome = await threads.run(task, { transferList });
    } catch (error) {
      throw workerDeath(error, DOING[task.kind]);
    } finally {
      clearTimeout(watch);
    }
    if (!outcome.ok) throw revive(outcome.failure);
    return outcome.value as ResultOf<K>;
  }

  /** Waits for running tasks, refuses new ones. */
  async close(): Promise<void> {
    this.#lanes.stop(new Failure('interrupted', 'the worker pool is closed'), false);
    // A worker that hangs or never started would be waited for.
    const end = (threads: Piscina<Task, TaskOutcome<unknown>> | undefined) =>
      this.#broken ? threads?.destroy() : threads?.close();
    await Promise.all([end(this.#threads), end(this.#chainThread)]);
  }
}

const DOING: Readonly<Record<TaskKind, string>> = {
  seal: 'while sealing a part',
  hash: 'while hashing a part',
  fingerprint: 'while hashing a volume',
  open: 'while opening a part',
  compress: 'while compressing',
  compressWhole: 'while compressing a volume',
  passwordPackets: 'while making key packets',
  openSkesk: 'while opening a key packet',
};

function workerDeath(error: unknown, when: string): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new Failure('local', `a worker thread ran out of memory ${when}`, { cause: error });
  }
  return new Failure('internal', `a worker thread died ${when}: ${message}`, { cause: error });
}

/** The buffer's memory under a new object: the caller's is detached at once, not only when a worker takes the task. */
export function take(buffer: ArrayBuffer): ArrayBuffer {
  return structuredClone(buffer, { transfer: [buffer] });
}
