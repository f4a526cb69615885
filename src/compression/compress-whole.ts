/** What a worker does with a whole volume in memory: a compressed stream of its own, chunk by chunk. */
import type { CodecName } from './codec-name.js';
import { CODECS } from './codecs.js';
import { isIncompressible } from './compressibility.js';
import type { InWorker } from './codec.js';

/** @returns bytes written to `output`, which has room for `worstCaseOfWhole` */
export function compressWhole(codec: CodecName, level: number, data: Uint8Array, output: Uint8Array): number {
  const { method } = CODECS[codec];
  if (method.kind !== 'worker') throw new Error(`${codec} is not compressed in a worker`);
  const { envelope } = method;
  const chunkBytes = method.chunkBytes(level);
  let written = 0;
  let check = 0;
  const append = (bytes: Uint8Array): void => {
    output.set(bytes, written);
    written += bytes.length;
  };
  if (envelope !== undefined) append(envelope.head);
  // Without an envelope, no data gives no stream.
  const least = envelope === undefined ? 1 : 0;
  for (let at = 0; at < Math.max(least, data.length); at += chunkBytes) {
    const chunk = data.subarray(at, at + chunkBytes);
    const dictionary = data.subarray(Math.max(0, at - method.dictionaryBytes), at);
    const target = output.subarray(written);
    written +=
      method.store !== undefined && isIncompressible(chunk)
        ? method.store(chunk, target)
        : method.compress(chunk, dictionary, level, target);
    if (envelope !== undefined) check = envelope.joinChecks(check, envelope.checkOf(chunk), chunk.length);
  }
  if (envelope !== undefined) append(envelope.tail(check, data.length));
  return written;
}

/** The largest stream for `bytes` of data. */
export function worstCaseOfWhole(method: InWorker, level: number, bytes: number): number {
  const chunkBytes = method.chunkBytes(level);
  const whole = Math.floor(bytes / chunkBytes);
  const envelope = (method.envelope?.head.length ?? 0) + (method.envelope?.tail(0, 0).length ?? 0);
  return whole * method.worstCaseBytes(chunkBytes) + method.worstCaseBytes(bytes % chunkBytes) + envelope;
}
