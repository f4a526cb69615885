/**
 * Stands between the bytes and the socket. All connections share one throttle, so that retried bytes, the manifest and every part draw
 * from the same bucket.
 */
export interface Throttle {
  /**
   * Asks for permission to hand `bytes` to the socket; ask for at most `sliceBytes`.
   * - `undefined`: no need to wait, write all of them now.
   * - Otherwise resolves with how many may be written now: `bytes`, or fewer if more than a slice was requested or
   *   the rate fell while waiting. Ask again for the rest.
   *
   * First come, first served across connections. Rejects with the signal's reason if aborted.
   */
  take(bytes: number, signal?: AbortSignal): Promise<number> | undefined;
  /** Largest slice to ask for and to write at once, in bytes; shrinks with the rate. */
  readonly sliceBytes: number;
  /** The present limit in bytes per second; undefined if unlimited. */
  readonly rate: number | undefined;
  /** Call it for each new upload connection, so that its packets can be marked. */
  connected?(socket: object): void;
  close(): void;
}

/** Slice size without a limit: large enough to cost nothing, small enough that a new limit takes effect soon. */
export const UNLIMITED_SLICE_BYTES = 256 * 1024;

export const unthrottled: Throttle = {
  take: () => undefined,
  sliceBytes: UNLIMITED_SLICE_BYTES,
  rate: undefined,
  close: () => undefined,
};
