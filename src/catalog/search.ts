/**
 * How much a command looks at in vain. Who can write to the bucket can put up any number of archives and manifests, and each that is looked at
 * takes downloads and, by design, a slow key derivation. What turns out to be ours counts for nothing here.
 */
import type { ObjectStore } from '../store.js';

/** More than the manifests of most archives have. */
const BYTES_EACH = 10 * 1024 * 1024;

/** Default of `most_unproven`. */
export const MOST_UNPROVEN = 100;

/** As in `web #12 is unproven: REASON`. */
export const NOT_LOOKED_AT = 'not looked at, because too many others were unproven';

export class Search {
  readonly #most: number;
  #refused = 0;
  #bytes = 0;
  #hasPassedBy = false;

  /** @param most archives and manifests that nothing vouches for */
  constructor(most = MOST_UNPROVEN) {
    this.#most = most;
  }

  /** Asked before something that would be looked at. @returns whether it is not, because too much was in vain before */
  passBy(): boolean {
    if (!this.isOver) return false;
    this.#hasPassedBy = true;
    return true;
  }

  get isOver(): boolean {
    return this.#refused >= this.#most || this.#bytes >= this.#most * BYTES_EACH;
  }

  /** Something was not looked at for this reason. */
  get hasPassedBy(): boolean {
    return this.#hasPassedBy;
  }

  /**
   * Runs `look`, and counts what it downloads if that was in vain.
   * @returns undefined where too much was looked at before
   */
  async look<T>(
    store: Pick<ObjectStore, 'download'>,
    look: (store: Pick<ObjectStore, 'download'>) => Promise<T>,
    isInVain: (found: T) => boolean,
  ): Promise<T | undefined> {
    if (this.passBy()) return undefined;
    let bytes = 0;
    const found = await look({
      download: (fileId, range, ...more) => {
        bytes += range.to - range.from;
        return store.download(fileId, range, ...more);
      },
    });
    if (isInVain(found)) {
      this.#refused += 1;
      this.#bytes += bytes;
    }
    return found;
  }
}
