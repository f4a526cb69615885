import { Failure } from '../errors.js';

/** Reads a byte stream in the amounts that a parser needs, however it was sliced. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At least one byte, at most `max`, as a view of what the source gave; undefined at the end. */
  async some(max: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#chunk = next.value;
    }
    const taken = this.#chunk.subarray(0, max);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  /** Exactly `bytes`, copied. @throws Failure `damaged` where the stream ends before. */
  async exactly(bytes: number): Promise<Uint8Array> {
    const whole = new Uint8Array(bytes);
    for (let filled = 0; filled < bytes;) {
      const some = await this.some(bytes - filled);
      if (some === undefined) throw truncated();
      whole.set(some, filled);
      filled += some.length;
    }
    return whole;
  }

  async octet(): Promise<number> {
    const octet = await this.some(1);
    if (octet === undefined) throw truncated();
    return octet[0] ?? 0;
  }

  /** Whether the stream has ended. */
  async atEnd(): Promise<boolean> {
    const some = await this.some(Infinity);
    if (some === undefined) return true;
    this.#chunk = some;
    return false;
  }

  /** Tells the source that no more is needed. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

export function truncated(): Failure {
  return new Failure('damaged', 'the OpenPGP message ends too early: it is truncated');
}
