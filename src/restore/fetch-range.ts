/** Downloads a range, again if it arrives damaged: a vault of B2 was seen to serve corrupt bytes of intact files. */
import { createHash } from 'node:crypto';
import type { DownloadOptions, ObjectStore } from '../store.js';

/** Downloads before damage is believed: the first, and three over new connections. */
export const FETCHES = 4;

export interface ByteRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Hex SHA-1 of these bytes, if known. Without it, nothing is checked. */
  readonly sha1?: string | undefined;
}

/** The range in memory of its own; shorter where the object is. */
export async function fetchBytes(
  store: Pick<ObjectStore, 'download'>,
  fileId: string,
  range: ByteRange,
  options?: Omit<FetchOptions, 'into'>,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(range.to - range.from);
  const fetched = await fetchRange(store, fileId, range, { into: () => bytes }, options);
  return bytes.subarray(0, fetched.bytes);
}

/** Memory for a range, and who hashes it. */
export interface RangeTarget {
  /** Asked for before each download: as long as the range. */
  into(): Uint8Array;
  /** Hex SHA-1 of the first `bytes` of it. Without it, they are hashed as they come, in this thread. */
  sha1?(bytes: number): Promise<string>;
}

export interface FetchOptions extends DownloadOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface FetchedRange {
  /** That arrived. */
  readonly bytes: number;
  /** Hex, of what arrived; undefined if there is none to compare it with. */
  readonly sha1: string | undefined;
}

/** After the last download the SHA-1 may still be wrong: opening it will tell, and shows what can be saved. */
export async function fetchRange(
  store: Pick<ObjectStore, 'download'>,
  fileId: string,
  range: ByteRange,
  target: RangeTarget,
  { signal, ownConnection = false }: Omit<FetchOptions, 'into'> = {},
): Promise<FetchedRange> {
  for (let fetch = 1; ; fetch++) {
    const hash = range.sha1 === undefined || target.sha1 !== undefined ? undefined : createHash('sha1');
    let bytes = 0;
    for await (const chunk of store.download(fileId, range, signal, {
      ownConnection: ownConnection || fetch > 1,
      into: target.into(),
    })) {
      hash?.update(chunk);
      bytes += chunk.length;
    }
    if (range.sha1 === undefined) return { bytes, sha1: undefined };
    const sha1 = (await target.sha1?.(bytes)) ?? hash?.digest('hex');
    if (sha1 === range.sha1 || fetch === FETCHES) return { bytes, sha1 };
  }
}
