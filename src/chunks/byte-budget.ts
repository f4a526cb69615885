/** A budget of bytes for buffers of any size. Callers that find too few left wait, in order. */
export class ByteBudget {
  readonly capacity: number;
  #used = 0;
  readonly #waiting: { bytes: number; resolve: () => void; reject: (reason: unknown) => void }[] = [];
  #closed: Error | undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get used(): number {
    return this.#used;
  }

  /** Resolves when the bytes are the caller's. A request larger than the capacity is granted once nothing else is in use. */
  async take(bytes: number): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return;
    }
    await new Promise<void>((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }));
  }

  give(bytes: number): void {
    this.#used -= bytes;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.resolve();
    }
  }

  /** Rejects everyone who is waiting or asks later. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.capacity;
  }
}
