import { setMaxListeners } from 'node:events';
import { discard } from '../discard.js';
import { Failure } from '../errors.js';
import type { Child } from '../pipes/child.js';
import type { ByProgram } from './codec.js';
import type { ChunkCompressor, CompressedChunk, CompressRequest } from './chunk.js';
import { bareEnvironment, startCompressor } from './compressor-program.js';
import { isIncompressible } from './compressibility.js';

/** One process per chunk; the caller decides how many at once. */
export class ProgramCompressor implements ChunkCompressor {
  readonly #method: ByProgram;
  readonly #signal: AbortSignal;
  readonly #env: NodeJS.ProcessEnv;

  /** @param signal Kills what runs; it gets a listener for each process. */
  constructor(method: ByProgram, signal: AbortSignal, env = process.env) {
    this.#method = method;
    this.#signal = signal;
    setMaxListeners(0, signal);
    this.#env = bareEnvironment(env);
  }

  async compress(request: CompressRequest): Promise<CompressedChunk> {
    const { level, input, dictionaryBytes, inputBytes, output } = request;
    const method = this.#method;
    this.#signal.throwIfAborted();
    const chunk = new Uint8Array(input, dictionaryBytes, inputBytes);
    const target = new Uint8Array(output);
    if (method.store !== undefined && isIncompressible(chunk)) {
      return { input, output, outputBytes: method.store(chunk, target), check: 0 };
    }
    const program = startCompressor(method.program, method.words(level), this.#env, this.#signal);
    const written = collect(program, target);
    void program.write(chunk);
    program.endInput();
    const outputBytes = await written;
    if (outputBytes > output.byteLength && !this.#signal.aborted) {
      throw wrong(method.program, 'wrote more than its format can need');
    }
    await program.finished();
    if (outputBytes === 0) throw wrong(method.program, 'wrote nothing');
    return { input, output, outputBytes, check: 0 };
  }
}

/** @returns how many bytes it wrote; more than `target` holds if the output does not fit */
async function collect(program: Child, target: Uint8Array): Promise<number> {
  let bytes = 0;
  await new Promise<void>((resolve) => {
    program.output.on('data', (slice: Buffer<ArrayBuffer>) => {
      if (bytes + slice.length <= target.length) target.set(slice, bytes);
      else program.kill();
      bytes += slice.length;
      discard(slice);
    });
    program.output.on('close', resolve);
    program.output.on('error', () => {
      resolve();
    });
  });
  return bytes;
}

function wrong(program: string, what: string): Failure {
  return new Failure('local', `${program} ${what}`, {
    hint: `check which ${program} is found first in PATH`,
  });
}
