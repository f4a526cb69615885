/** Why one reading of the source ends early although the run has not failed. */
import type { Failure } from '../errors.js';

/**
 * A volume has to be started over, but its first bytes have already gone by. So the source is read again; volumes that are finished are
 * recognised and skipped.
 */
export interface ReadAgain {
  readonly kind: 'read-again';
  readonly reason: string;
  /** 0-based. */
  readonly volume: number;
  /** Whether the source gave other bytes than before, or the store lost the volume. */
  readonly changed: boolean;
}

/** This run is incomplete, and a complete archive exists: that one is kept, and everything this run stored is removed. */
export interface CompleteKept {
  readonly kind: 'complete-kept';
  readonly failure: Failure;
}

export type Interruption = ReadAgain | CompleteKept;
