import { Failure } from '../errors.js';
import { Program } from './program.js';

/**
 * One stream through one program, as a pipe. Pulled: the program waits while nobody takes its output, and the source while the program
 * takes no input. The source's slices are borrowed; those that are yielded are the consumer's.
 */
export async function* throughProgram(
  source: AsyncIterable<Uint8Array>,
  [name, ...words]: readonly [string, ...string[]],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal.throwIfAborted();
  const sourceFailed = new AbortController();
  const program = new Program(name, words, process.env, AbortSignal.any([signal, sourceFailed.signal]));
  const feeder = new Feeder(source, program);
  // A source that fails must not look like one that ends: the program is killed, and with it its output.
  feeder.run().catch((error: unknown) => {
    sourceFailed.abort(error);
  });
  try {
    const written = yield* outputOf(program);
    await program.finished();
    if (!feeder.done) throw new Failure('local', `${name} ended before it had read everything`);
    if (feeder.bytes > 0 && written === 0) throw new Failure('local', `${name} wrote nothing`);
  } finally {
    program.kill();
    feeder.stop();
  }
}

async function* outputOf(program: Program): AsyncGenerator<Uint8Array, number, undefined> {
  let bytes = 0;
  try {
    for await (const slice of program.output as AsyncIterable<Uint8Array>) {
      bytes += slice.length;
      yield slice;
    }
  } catch (error) {
    // It breaks off when the program is killed or did not start: that is the reason to tell.
    program.kill();
    await program.finished();
    throw error;
  }
  return bytes;
}

class Feeder {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #program: Program;
  bytes = 0;
  /** Whether the program got the whole source. */
  done = false;

  constructor(source: AsyncIterable<Uint8Array>, program: Program) {
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

  /** Returns the source, without waiting for it: it may be in the middle of a read that takes long. */
  stop(): void {
    if (!this.done) void this.#iterator.return?.().catch(() => undefined);
  }
}
