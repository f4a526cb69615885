import { Failure } from '../errors.js';
import type { ByProgram } from './codec.js';
import type { ChunkCompressor, CompressedChunk, CompressRequest } from './chunk.js';
import { isIncompressible } from './compressibility.js';
import type { ProgramShells } from './program-shell.js';

/** One process per chunk; the caller decides how many at once. */
export class ProgramCompressor implements ChunkCompressor {
  readonly #method: ByProgram;
  readonly #shells: ProgramShells;

  constructor(method: ByProgram, shells: ProgramShells) {
    this.#method = method;
    this.#shells = shells;
  }

  async compress(request: CompressRequest): Promise<CompressedChunk> {
    const { level, input, dictionaryBytes, inputBytes, output } = request;
    const method = this.#method;
    const chunk = new Uint8Array(input, dictionaryBytes, inputBytes);
    const target = new Uint8Array(output);
    if (method.store !== undefined && isIncompressible(chunk)) {
      return { input, output, outputBytes: method.store(chunk, target), check: 0 };
    }
    let outputBytes = 0;
    await this.#shells.run([method.program, ...method.words(level)], chunk, (slice) => {
      if (outputBytes + slice.length > target.length)
        throw wrong(method.program, 'wrote more than its format can need');
      target.set(slice, outputBytes);
      outputBytes += slice.length;
    });
    if (outputBytes === 0) throw wrong(method.program, 'wrote nothing');
    return { input, output, outputBytes, check: 0 };
  }
}

function wrong(program: string, what: string): Failure {
  return new Failure('local', `${program} ${what}`, {
    hint: `check which ${program} is found first in PATH`,
  });
}
