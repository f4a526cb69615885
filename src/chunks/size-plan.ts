/**
 * Volumes of equal size, in parts that fill a buffer. Pure: the cuts depend on byte counts only, so a rerun over the same bytes cuts at the
 * same places.
 */
import type { Cut, CutPlan } from './cut-plan.js';

export interface VolumeSizes {
  /** Bytes per volume; 0 = one volume, which rolls into the next before the store's parts are used up. */
  readonly splitSize: number;
  /** Most parts in one volume. */
  readonly maxParts: number;
  /** Data bytes that fill part `index` (0-based) of a volume when it is not cut short. */
  dataBytes(index: number): number;
}

/** How many parts of at most `partBytes` one file of the store may have: with large ones its length is the bound. */
export function mostParts(
  limits: { readonly maxParts: number; readonly maxFileBytes: number },
  partBytes: number,
): number {
  return Math.min(limits.maxParts, Math.floor(limits.maxFileBytes / partBytes));
}

export class SizePlan implements CutPlan {
  readonly #sizes: VolumeSizes;
  #bytes = 0;
  #part = 0;
  #volumeStart = 0;
  #partStart = 0;

  constructor(sizes: VolumeSizes) {
    this.#sizes = sizes;
  }

  cuts(slice: Uint8Array): Cut[] {
    this.#bytes += slice.length;
    const cuts: Cut[] = [];
    for (let cut = this.#next(); cut.at <= this.#bytes; cut = this.#next()) {
      cuts.push(cut);
      this.#partStart = cut.at;
      if (cut.ends === 'volume') {
        this.#volumeStart = cut.at;
        this.#part = 0;
      } else {
        this.#part += 1;
      }
    }
    return cuts;
  }

  #next(): Cut {
    const { splitSize, maxParts } = this.#sizes;
    const full = this.#sizes.dataBytes(this.#part);
    const left = this.#volumeStart + splitSize - this.#partStart;
    if (splitSize > 0 && left <= full) return { at: this.#partStart + left, ends: 'volume' };
    return { at: this.#partStart + full, ends: this.#part + 1 < maxParts ? 'part' : 'volume' };
  }
}
