/** Input that never ends, for as long as a case is measured. */
import { open } from 'node:fs/promises';

export const READ_BYTES = 512 * 1024;

export class Stopwatch {
  readonly #began = performance.now();
  readonly #seconds: number;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  get elapsed(): number {
    return (performance.now() - this.#began) / 1000;
  }

  get over(): boolean {
    return this.elapsed >= this.#seconds;
  }
}

/** A file repeated in whole batches until the time is up. */
export class Endless {
  readonly #path: string;
  readonly #batchBytes: number;
  readonly #timer: Stopwatch;
  bytes = 0;

  constructor(path: string, batch: number, timer: Stopwatch) {
    this.#path = path;
    this.#batchBytes = batch;
    this.#timer = timer;
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await open(this.#path);
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    try {
      let position = 0;
      for (;;) {
        const left = this.#batchBytes - (this.bytes % this.#batchBytes);
        const { bytesRead } = await file.read(buffer, 0, Math.min(left, buffer.length), position);
        position = bytesRead === 0 ? 0 : position + bytesRead;
        if (bytesRead === 0) continue;
        this.bytes += bytesRead;
        yield buffer.subarray(0, bytesRead);
        if (this.#timer.over && this.bytes % this.#batchBytes === 0) return;
      }
    } finally {
      await file.close();
    }
  }
}
