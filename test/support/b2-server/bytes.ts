import { closeSync, linkSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the bodies go: `memory`, a directory, or nowhere (`drop`: only their lengths and SHA-1 stay). */
export type DataOption = 'memory' | 'drop' | { readonly directory: string };

/** The bytes of one small file or one part. */
export interface StoredBytes {
  readonly length: number;
  /** Bytes `from` (inclusive) to `to` (exclusive), in pieces. */
  read(from: number, to: number): Iterable<Uint8Array>;
  /** The same bytes for another file: they stay until both are discarded. */
  share(): StoredBytes;
  discard(): void;
}

/** Takes one body as it arrives. Ends with either `finish` or `abort`. */
export interface ByteSink {
  write(chunk: Buffer): void;
  finish(): StoredBytes;
  abort(): void;
}

export interface ByteStore {
  /** Whether what was written can be read back. */
  readonly keepsBytes: boolean;
  sink(lengthBytes: number): ByteSink;
}

export function openByteStore(option: DataOption): ByteStore {
  if (option === 'memory') return { keepsBytes: true, sink: () => new MemorySink() };
  if (option === 'drop')
    return {
      keepsBytes: false,
      sink: (length) => (length <= KEPT_WHEN_DROPPING ? new MemorySink() : new DropSink()),
    };
  mkdirSync(option.directory, { recursive: true });
  let next = 0;
  return {
    keepsBytes: true,
    sink: () => new DiskSink(join(option.directory, `body-${process.pid}-${++next}`)),
  };
}

/** Drop mode still keeps what is this small: manifests stay readable in benchmarks. */
const KEPT_WHEN_DROPPING = 64 * 1024;
const READ_BYTES = 256 * 1024;

class MemorySink implements ByteSink {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  write(chunk: Buffer): void {
    // A short chunk can be a window on a much larger receive buffer; keeping it would keep all of that.
    this.#chunks.push(chunk.length * 2 < chunk.buffer.byteLength ? Buffer.from(chunk) : chunk);
    this.#length += chunk.length;
  }

  finish(): StoredBytes {
    return new MemoryBytes(this.#chunks, this.#length);
  }

  abort(): void {
    this.#chunks.length = 0;
  }
}

class MemoryBytes implements StoredBytes {
  readonly length: number;
  readonly #chunks: readonly Buffer[];

  constructor(chunks: readonly Buffer[], length: number) {
    this.#chunks = chunks;
    this.length = length;
  }

  *read(from: number, to: number): Iterable<Uint8Array> {
    let start = 0;
    for (const chunk of this.#chunks) {
      const end = start + chunk.length;
      if (end > from && start < to)
        yield chunk.subarray(Math.max(0, from - start), Math.min(chunk.length, to - start));
      start = end;
    }
  }

  share(): StoredBytes {
    return this;
  }

  discard(): void {
    // Goes when nothing refers to it any more: the record of parts still may.
  }
}

class DropSink implements ByteSink {
  #length = 0;

  write(chunk: Buffer): void {
    this.#length += chunk.length;
  }

  finish(): StoredBytes {
    return new DroppedBytes(this.#length);
  }

  abort(): void {
    // Nothing was kept.
  }
}

/** Reads as zeros of the right length: what a download benchmark needs. */
class DroppedBytes implements StoredBytes {
  static readonly #zeros = Buffer.alloc(READ_BYTES);
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  *read(from: number, to: number): Iterable<Uint8Array> {
    for (let at = from; at < to; at += READ_BYTES)
      yield DroppedBytes.#zeros.subarray(0, Math.min(READ_BYTES, to - at));
  }

  share(): StoredBytes {
    return this;
  }

  discard(): void {
    // Nothing was kept.
  }
}

class DiskSink implements ByteSink {
  readonly #path: string;
  readonly #fd: number;
  #length = 0;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'wx+', 0o600);
  }

  write(chunk: Buffer): void {
    for (let written = 0; written < chunk.length;) written += writeSync(this.#fd, chunk, written);
    this.#length += chunk.length;
  }

  finish(): StoredBytes {
    closeSync(this.#fd);
    return new DiskBytes(this.#path, this.#length);
  }

  abort(): void {
    closeSync(this.#fd);
    unlinkSync(this.#path);
  }
}

class DiskBytes implements StoredBytes {
  static #links = 0;
  readonly length: number;
  readonly #path: string;

  constructor(path: string, length: number) {
    this.#path = path;
    this.length = length;
  }

  *read(from: number, to: number): Iterable<Uint8Array> {
    const fd = openSync(this.#path, 'r');
    try {
      for (let at = from; at < to;) {
        const piece = Buffer.allocUnsafe(Math.min(READ_BYTES, to - at));
        const length = readSync(fd, piece, 0, piece.length, at);
        if (length === 0) throw new Error(`${this.#path} is shorter than it was`);
        yield piece.subarray(0, length);
        at += length;
      }
    } finally {
      closeSync(fd);
    }
  }

  share(): StoredBytes {
    const path = join(dirname(this.#path), `link-${process.pid}-${++DiskBytes.#links}`);
    linkSync(this.#path, path);
    return new DiskBytes(path, this.length);
  }

  discard(): void {
    unlinkSync(this.#path);
  }
}
