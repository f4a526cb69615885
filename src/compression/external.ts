import { Failure } from '../errors.js';
import type { Child } from '../pipes/child.js';
import { BorrowedReader } from '../pipes/borrowed-reader.js';
import { connectedPair, type StreamPair } from '../pipes/stream-pair.js';
import { startCompressor } from './compressor-program.js';

/**
 * One stream through one program, as a pipe. Pulled: the program waits while nobody reads its output, and the source waits while the program
 * takes no input. Slices are borrowed both ways.
 */
export async function* throughProgram(
  source: AsyncIterable<Uint8Array>,
  [name, ...words]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal.throwIfAborted();
  const sourceFailed = new AbortController();
  const output = new BorrowedReader();
  const pair = await connectedPair(output.onread);
  output.attach(pair.ours);
  const program = startWriter(name, words, env, AbortSignal.any([signal, sourceFailed.signal]), pair);
  const feeder = new Feeder(source, program);
  // A source that fails must not look like one that ends: the program is killed, and with it its output.
  feeder.run().catch((error: unknown) => {
    sourceFailed.abort(error);
  });
  try {
    let written = 0;
    for await (const slice of output) {
      written += slice.length;
      yield slice;
    }
    await program.finished();
    if (!feeder.done) throw new Failure('local', `${name} ended before it had read everything`);
    if (feeder.bytes > 0 && written === 0) throw new Failure('local', `${name} wrote nothing`);
  } finally {
    program.kill();
    feeder.stop();
  }
}

function startWriter(
  name: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  { ours, theirs }: StreamPair,
): Child {
  try {
    return startCompressor(name, words, env, signal, theirs);
  } catch (error) {
    ours.destroy();
    throw error;
  } finally {
    // The program has its own copy; ours would keep the stream open after the program's end.
    theirs.destroy();
  }
}

class Feeder {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #program: Child;
  bytes = 0;
  /** Whether the program got the whole source. */
  done = false;

  constructor(source: AsyncIterable<Uint8Array>, program: Child) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#program = program;
  }

  async run(): Promise<void> {
    for (;;) {
      const next = await this.#iterator.next();
      if (next.done === true) break;
      this.bytes += next.value.length;
      if (!(await this.#program.write(next.value))) return;
    }
    this.done = true;
    this.#program.endInput();
  }

  /** Returns the source without waiting: it may be in the middle of a long read. */
  stop(): void {
    if (!this.done) void this.#iterator.return?.().catch(() => undefined);
  }
}
