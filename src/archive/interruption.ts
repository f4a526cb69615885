/** Why a reading of the source ends early although nothing failed for good. */
import type { Failure } from '../errors.js';

/**
 * A volume has to be begun anew, and its first bytes have gone by. The remedy is to read the source once more; what is finished is recognised
 * and skipped.
 */
export interface BeginAgain {
  readonly kind: 'begin-again';
  readonly reason: string;
  /** 0-based. */
  readonly volume: number;
  /** Whether the source gave other bytes than before, or the store lost the volume. */
  readonly changed: boolean;
}

/** This run is incomplete and a complete archive is there: that one stays, and nothing of this run does. */
export interface CompleteOneStays {
  readonly kind: 'complete-one-stays';
  readonly failure: Failure;
}

export type Interruption = BeginAgain | CompleteOneStays;
