/**
 * This reading of the source cannot go on: a volume has to be begun anew, and its first bytes have gone by.
 * The remedy is to read the source once more; what is finished is recognised and skipped.
 */
export class BeginAgain extends Error {
  override readonly name = 'BeginAgain';
  /** 0-based. */
  readonly volume: number;

  constructor(reason: string, volume: number) {
    super(reason);
    this.volume = volume;
  }
}
