/**
 * What stands between the bytes and the socket. One throttle is shared by all connections, so that retried bytes, the
 * manifest and every part draw from the same bucket.
 */
export interface Throttle {
  /**
   * Asks leave to hand `bytes` to the socket; ask for at most `sliceBytes`.
   * - `undefined`: nothing to wait for, write all of them now.
   * - Otherwise resolves with how many may be written now: `bytes`, or fewer where more than a slice was asked for or
   *   the rate fell while waiting. Ask again for the rest.
   *
   * First come, first served among connections. Rejects with the signal's reason when aborted.
   */
  take(bytes: number, signal?: AbortSignal): Promise<number> | undefined;
  /** Largest slice to ask for and to write at once, in bytes; shrinks with the rate. */
  readonly sliceBytes: number;
  /** Limit in bytes per second at this moment; undefined when unlimited. */
  readonly rate: number | undefined;
  /** To be told of each new connection for uploads, so that its packets can be marked. */
  connected?(socket: object): void;
  close(): void;
}

/** Slice where no limit is set: large enough to cost nothing, small enough that a new limit bites soon. */
export const UNLIMITED_SLICE_BYTES = 256 * 1024;

export const unthrottled: Throttle = {
  take: () => undefined,
  sliceBytes: UNLIMITED_SLICE_BYTES,
  rate: undefined,
  close: () => undefined,
};
