/**
 * Cuts a stream of bytes where its content says (FastCDC, Xia et al., USENIX ATC 2016): a rolling "gear" hash over the last 32 octets ends a
 * piece wherever its upper bits are zero. Inserting or removing bytes moves only the cuts next to them. Pure.
 *
 * The hash table is derived from a secret key, so that the lengths of the pieces do not reveal which known file they were cut from.
 */
import { hkdfSync } from 'node:crypto';

export interface PieceSizes {
  /** No piece is shorter, except the last one of a stream or of a member that is cut on its own. */
  readonly min: number;
  /** Roughly the average length: a power of two. */
  readonly target: number;
  /** Cut here, whatever the content says. */
  readonly max: number;
}

/** Octets that the hash covers: each one is shifted out after 32 more. */
const WINDOW_BYTES = 32;

/**
 * "Normalised chunking": before the target a cut is four times less likely than 1 in `target`, after it four times more likely. So lengths
 * cluster around the target, and few pieces reach the maximum, where the cut does not move with the content.
 */
const NORMALISATION_BITS = 2;

export class ContentCutter {
  readonly #sizes: PieceSizes;
  readonly #table: Int32Array;
  readonly #maskBefore: number;
  readonly #maskBehind: number;
  #hash = 0;
  /** Octets since the last cut. */
  #bytes = 0;

  /** @param key secret; equal keys cut at equal places */
  constructor(key: Uint8Array, sizes: PieceSizes) {
    this.#sizes = sizes;
    this.#table = new Int32Array(hkdfSync('sha256', key, new Uint8Array(0), 'backuppc-b2 gear', 256 * 4));
    const bits = Math.log2(sizes.target);
    this.#maskBefore = upperBits(bits + NORMALISATION_BITS);
    this.#maskBehind = upperBits(bits - NORMALISATION_BITS);
  }

  /** Starts a new piece, wherever the previous one ended. */
  begin(): void {
    this.#hash = 0;
    this.#bytes = 0;
  }

  /**
   * Looks at more of the stream.
   * @returns the number of octets at the start of `slice` that complete the current piece; undefined if the piece does not end in `slice`.
   *   After a cut, the rest of the slice has not been looked at.
   */
  next(slice: Uint8Array): number | undefined {
    const { min, target, max } = this.#sizes;
    const start = this.#bytes;
    const end = Math.min(slice.length, max - start);
    const table = this.#table;
    let hash = this.#hash;
    // Octets this far before the end of the shortest piece will have left the window by then.
    let at = Math.min(end, Math.max(0, min - WINDOW_BYTES - start));
    for (const stretch of [
      { to: min, mask: -1 },
      { to: target, mask: this.#maskBefore },
      { to: max, mask: this.#maskBehind },
    ]) {
      const { mask } = stretch;
      const to = Math.min(end, stretch.to - start);
      if (mask === -1) {
        for (; at < to; at++) hash = ((hash << 1) + (table[slice[at] ?? 0] ?? 0)) | 0;
        continue;
      }
      while (at < to) {
        hash = ((hash << 1) + (table[slice[at] ?? 0] ?? 0)) | 0;
        at++;
        if ((hash & mask) === 0) {
          this.begin();
          return at;
        }
      }
    }
    if (start + end === max) {
      this.begin();
      return end;
    }
    this.#hash = hash;
    this.#bytes = start + slice.length;
    return undefined;
  }
}

/** A mask of the upper bits of 32: they depend on every octet of the window. */
function upperBits(bits: number): number {
  const count = Math.min(31, Math.max(1, Math.round(bits)));
  return ~((1 << (32 - count)) - 1);
}
