/**
 * What stands between the bytes and the socket. One throttle is shared by all connections, so that retried bytes, the
 * manifest and every part draw from the same bucket.
 */
export interface Throttle {
  /**
   * Resolves when `bytes` may be handed to the socket. Callers ask for slices of at most `sliceBytes`.
   * First come, first served among connections. Rejects with the signal's reason when aborted.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined;
  /** Largest slice to ask for and to write at once, in bytes; shrinks with the rate. */
  readonly sliceBytes: number;
  /** Limit in bytes per second at this moment; undefined when unlimited. */
  readonly rate: number | undefined;
  close(): void;
}

export const unthrottled: Throttle = {
  take: () => undefined,
  sliceBytes: 256 * 1024,
  rate: undefined,
  close: () => undefined,
};
