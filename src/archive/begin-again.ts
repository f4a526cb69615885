/**
 * This reading of the source cannot go on: a volume has to be begun anew, and its first bytes have gone by.
 * The remedy is to read the source once more; what is finished is recognised and skipped.
 */
export class BeginAgain extends Error {
  override readonly name = 'BeginAgain';
  /** 0-based. */
  readonly volume: number;
  /** Whether the source gave other bytes than before, or the store lost the volume. */
  readonly changed: boolean;

  constructor(reason: string, volume: number, changed: boolean) {
    super(reason);
    this.volume = volume;
    this.changed = changed;
  }
}
