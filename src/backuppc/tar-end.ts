/** Watches a tar stream go by: how long it is, whether it is empty, and whether it ends as a tar must. Pure, and nearly free. */

const BLOCK = 512;
/** A tar ends with two blocks of zeros (POSIX.1 pax, "ustar Interchange Format"). */
const END_BYTES = 2 * BLOCK;

export interface TarEnd {
  readonly bytes: number;
  /** Nothing but zeros where the first header would be. */
  readonly empty: boolean;
  /** Whole blocks, the last two of them zero. */
  readonly ended: boolean;
}

export class TarEndWatcher {
  #bytes = 0;
  #empty = true;
  /** Zero octets at the end so far, counted up to `END_BYTES`. */
  #zeros = 0;

  /** Look at the next slice; nothing of it is kept. */
  watch(slice: Uint8Array): void {
    if (this.#empty && this.#bytes < BLOCK) {
      const head = slice.subarray(0, BLOCK - this.#bytes);
      if (head.some((octet) => octet !== 0)) this.#empty = false;
    }
    let zeros = 0;
    const most = Math.min(END_BYTES, slice.length);
    while (zeros < most && slice[slice.length - 1 - zeros] === 0) zeros++;
    this.#zeros = zeros === slice.length ? Math.min(END_BYTES, this.#zeros + zeros) : zeros;
    this.#bytes += slice.length;
  }

  get end(): TarEnd {
    return {
      bytes: this.#bytes,
      empty: this.#empty,
      ended: this.#bytes % BLOCK === 0 && this.#zeros === END_BYTES,
    };
  }
}
