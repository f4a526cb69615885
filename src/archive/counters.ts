/** What a run has done so far, in bytes; read by whoever shows progress. */
export interface RunCounters {
  /** Of the tar. */
  read: number;
  /** Of the (compressed) tar, as it goes into volumes. */
  packed: number;
  /** Sealed bytes that the store had already, from this run. */
  skipped: number;
  /** Sealed bytes that B2 copied from an earlier archive. */
  copied: number;
}

export function newCounters(): RunCounters {
  return { read: 0, packed: 0, skipped: 0, copied: 0 };
}

/** The source is read again from its start. */
export function restart(counters: RunCounters): void {
  counters.read = counters.packed = counters.skipped = 0;
}
