/** Walks a tar from end to end: every header, every member's length, the end mark. Keeps only counts. */
import { isOther, TarReader } from '../tar/reader.js';

export interface TarCounts {
  /** Regular files and hard links. */
  files: number;
  directories: number;
  /** Symbolic links, devices, pipes. */
  specials: number;
  /** Bytes of the stream. */
  bytes: number;
}

export class TarError extends Error {
  override readonly name = 'TarError';
}

const KINDS: Readonly<Record<string, 'files' | 'directories' | undefined>> = {
  '0': 'files',
  '1': 'files',
  '7': 'files',
  S: 'files',
  '5': 'directories',
  D: 'directories',
};

export class TarWalk {
  readonly counts: TarCounts = { files: 0, directories: 0, specials: 0, bytes: 0 };
  readonly #reader = new TarReader();
  readonly #mayBeOther: boolean;

  /** @param mayBeOther what is no tar from its first block on is something else, a dump for example, and only counted */
  constructor(mayBeOther = false) {
    this.#mayBeOther = mayBeOther;
  }

  /** Whether it is something else than a tar, where it may be. */
  get isOther(): boolean {
    return this.#mayBeOther && isOther(this.#reader);
  }

  /** @throws TarError where it is not a valid tar */
  push(chunk: Uint8Array): void {
    for (const { type } of this.#reader.push(chunk)) this.counts[KINDS[type] ?? 'specials'] += 1;
    this.counts.bytes = this.#reader.bytes;
    if (this.#reader.state.kind === 'damaged' && !this.isOther) this.end();
  }

  /** @throws TarError when the stream stopped before the tar's end mark */
  end(): void {
    if (this.isOther) return;
    const { outcome } = this.#reader;
    if (outcome.kind !== 'whole') throw new TarError(outcome.reason);
  }
}
