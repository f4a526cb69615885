/**
 * This reading of the source cannot go on: volumes from `fromVolume` on have to be begun anew, and their first bytes have gone by.
 * The remedy is to read the source once more; what is finished is recognised and skipped.
 */
export class BeginAgain extends Error {
  override readonly name = 'BeginAgain';
  /** 0-based; the journal's volumes from here on are given up. */
  readonly fromVolume: number;
  /** Whether the later ones are of no use either (the source gave other bytes), or just this one. */
  readonly andLater: boolean;

  constructor(reason: string, fromVolume: number, andLater: boolean) {
    super(reason);
    this.fromVolume = fromVolume;
    this.andLater = andLater;
  }
}
