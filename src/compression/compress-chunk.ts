/** What a worker does with one chunk. */
import type { CompressRequest } from './chunk.js';
import { CODECS } from './codecs.js';
import { isIncompressible } from './compressibility.js';

export function compressChunk(request: CompressRequest): {
  readonly outputBytes: number;
  readonly check: number;
} {
  const { codec, level, input, dictionaryBytes, inputBytes, output } = request;
  const { method } = CODECS[codec];
  if (method.kind !== 'worker') throw new Error(`${codec} is not compressed in a worker`);
  const dictionary = new Uint8Array(input, 0, dictionaryBytes);
  const chunk = new Uint8Array(input, dictionaryBytes, inputBytes);
  const target = new Uint8Array(output);
  return {
    outputBytes:
      method.store !== undefined && isIncompressible(chunk)
        ? method.store(chunk, target)
        : method.compress(chunk, dictionary, level, target),
    check: method.envelope?.checkOf(chunk) ?? 0,
  };
}
