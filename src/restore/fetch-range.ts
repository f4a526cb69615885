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

/** Where the bytes go. */
export interface RangeSink {
  /** The bytes so far were damaged: the range starts again. */
  restart(): void;
  take(chunk: Uint8Array): void;
  /** Memory for the range, asked for before each download: the chunks are views of it then. */
  into?(): Uint8Array;
  /** Hex SHA-1 of what was taken since the last restart. Without it, each chunk is hashed on its way. */
  sha1?(): Promise<string>;
}

export interface FetchOptions extends DownloadOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Hands the range to the sink. After the last download the SHA-1 may still be wrong: opening it will tell, and shows what can be saved.
 * @returns the hex SHA-1 of what arrived; undefined if there is none to compare it with
 */
export async function fetchRange(
  store: Pick<ObjectStore, 'download'>,
  fileId: string,
  range: ByteRange,
  sink: RangeSink,
  { signal, ownConnection = false }: FetchOptions = {},
): Promise<string | undefined> {
  for (let fetch = 1; ; fetch++) {
    const hash = range.sha1 === undefined || sink.sha1 !== undefined ? undefined : createHash('sha1');
    for await (const chunk of store.download(fileId, range, signal, {
      ownConnection: ownConnection || fetch > 1,
      into: sink.into?.(),
    })) {
      hash?.update(chunk);
      sink.take(chunk);
    }
    if (range.sha1 === undefined) return undefined;
    const found = (await sink.sha1?.()) ?? hash?.digest('hex');
    if (found === range.sha1 || fetch === FETCHES) return found;
    sink.restart();
  }
}
