/** Chooses uploads that tell most about a line within limits of bytes and time. Pure. */

export interface UploadCase {
  readonly connections: number;
  readonly partBytes: number;
  /** Ends it, whichever comes first. */
  readonly maxBytes: number;
  readonly maxSeconds: number;
}

export interface UploadBudget {
  readonly bytes: number;
  readonly secondsPerCase: number;
}

const MIB = 1024 * 1024;

export const CONNECTION_COUNTS = [1, 2, 4, 8, 16] as const;
export const PART_SIZES = [5 * MIB, 8 * MIB, 16 * MIB] as const;

/** Smaller pieces would measure requests, not the line. */
const LEAST_PIECE_BYTES = 128 * 1024;
/** Pieces per connection in a case: the first one includes TCP's slow start. */
const PIECES = 3;

/** The first upload: one connection, one piece, for the order of magnitude. */
export function probeBytes(budget: UploadBudget): number {
  return Math.min(512 * 1024, Math.floor(budget.bytes / 4));
}

/**
 * Measures how throughput grows with connections. Pieces are small enough for each connection to send several in the time: on a slow line B2's
 * smallest part would take minutes.
 * @param rate of one connection
 */
export function connectionCase(
  connections: number,
  rate: number,
  remaining: UploadBudget,
  casesLeft: number,
): UploadCase | undefined {
  const maxBytes = Math.floor(remaining.bytes / Math.max(1, casesLeft));
  const seconds = remaining.secondsPerCase;
  // More connections may be slower each, never faster.
  const fair = Math.min((rate * seconds) / PIECES, maxBytes / connections / PIECES, PART_SIZES[0]);
  const partBytes = Math.floor(fair);
  if (partBytes < LEAST_PIECE_BYTES) {
    // One connection fills a line this slow.
    return connections === 1
      ? {
          connections,
          partBytes: Math.max(1, Math.min(LEAST_PIECE_BYTES, maxBytes)),
          maxBytes,
          maxSeconds: seconds,
        }
      : undefined;
  }
  return { connections, partBytes, maxBytes, maxSeconds: seconds };
}

/** Whether another doubling is worth trying: if the last one brought at least a tenth. */
export function isGrowing(rates: readonly number[]): boolean {
  const last = rates.at(-1);
  const before = rates.at(-2);
  return last === undefined || before === undefined || last > 1.1 * before;
}

/** @returns undefined if time or bytes do not suffice for one round of such parts */
export function partSizeCase(
  partBytes: number,
  connections: number,
  rate: number,
  remaining: UploadBudget,
  casesLeft: number,
): UploadCase | undefined {
  const maxBytes = Math.floor(remaining.bytes / Math.max(1, casesLeft));
  const round = connections * partBytes;
  if (2 * round > maxBytes || round > rate * remaining.secondsPerCase) return undefined;
  return { connections, partBytes, maxBytes, maxSeconds: remaining.secondsPerCase };
}
