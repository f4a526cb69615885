/**
 * A fixed number of equally large ArrayBuffers, and the callers that wait for one.
 *
 * A buffer that travels through a worker comes back as another ArrayBuffer object, so the pool counts, it does not recognise.
 * Buffers are made on first need: a small archive never allocates the whole budget.
 */
export class BufferPool {
  readonly bufferBytes: number;
  readonly capacity: number;
  #made = 0;
  readonly #free: ArrayBuffer[] = [];
  readonly #waiting: { resolve: (buffer: ArrayBuffer) => void; reject: (reason: unknown) => void }[] = [];
  #closed: Error | undefined;

  constructor(bufferBytes: number, capacity: number) {
    this.bufferBytes = bufferBytes;
    this.capacity = capacity;
  }

  /** Buffers in use: being filled, sealed, waiting or being sent. */
  get inUse(): number {
    return this.#made - this.#free.length;
  }

  /** The caller owns the buffer until it gives it, or the one that replaced it, back. Waits while all are in use. */
  async take(): Promise<ArrayBuffer> {
    if (this.#closed !== undefined) throw this.#closed;
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made < this.capacity) {
      this.#made += 1;
      return new ArrayBuffer(this.bufferBytes);
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength !== this.bufferBytes) {
      throw new RangeError(
        `a buffer of ${buffer.byteLength} bytes came back to a pool of ${this.bufferBytes}`,
      );
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffer);
    else next.resolve(buffer);
  }

  /** Rejects everyone who is waiting or asks later; buffers that are out can still be given back. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
  }
}
