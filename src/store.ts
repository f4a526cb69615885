/**
 * The port to object storage. `src/b2/` implements it for Backblaze B2; a second store is one more folder.
 *
 * Promises of every implementation:
 * - Retries happen inside. A call resolves when the store has confirmed, or rejects with a `Failure` that is final
 *   (`denied`, `cap`, `unavailable`, …), with a `VolumeLost`, or with the reason of the aborted signal.
 * - `uploadPart` and `put` may send the same bytes several times; they never send anything but the bytes given, and resolve only
 *   after the store's SHA-1 equalled ours.
 * - The caller keeps the body's bytes unchanged until the call settles; the store never keeps them longer.
 */

/** A finished object, an unfinished large file (`start`) or a hide marker, in B2's words. */
export interface FileVersion {
  readonly fileName: string;
  readonly fileId: string;
  readonly action: 'upload' | 'start' | 'hide' | 'folder';
  /** Bytes; 0 for `start` and `hide`. */
  readonly contentLength: number;
  /** 40 hex digits of a small file; undefined for a large file and markers. */
  readonly contentSha1: string | undefined;
  readonly contentType: string;
  /** File info, keys in lower case. */
  readonly fileInfo: Readonly<Record<string, string>>;
  /** ms since 1970 UTC. */
  readonly uploadTimestamp: number;
  /** Object Lock's retention, if there is one and the key may read it: cannot be deleted before this (ms since 1970 UTC). */
  readonly lockedUntil: number | undefined;
  /** Object Lock's legal hold, if the key may read it: cannot be deleted until it is lifted, whatever `lockedUntil` says. */
  readonly legalHold: boolean;
}

export interface PartInfo {
  /** 1-based, as in B2. */
  readonly partNumber: number;
  readonly contentLength: number;
  readonly contentSha1: string;
}

export interface ObjectBody {
  readonly bytes: Uint8Array;
  /** Hex SHA-1 of `bytes`. */
  readonly sha1: string;
}

/** What is fixed about an object when its upload starts. */
export interface ObjectMeta {
  readonly fileName: string;
  readonly contentType: string;
  readonly fileInfo: Readonly<Record<string, string>>;
}

/**
 * What became of a copy inside the store.
 * - `copied`: `version` is the new object. Compare its `contentSha1` and `contentLength` with what is expected before relying on it;
 *   `contentSha1` may be undefined for the copy of a large file.
 * - `source-missing`: the source is gone, hidden or was never there.
 * - `refused`: the store does not copy (capability, cap, size, too busy); sending the bytes may still work.
 */
export type CopyOutcome =
  | { readonly outcome: 'copied'; readonly version: FileVersion }
  | { readonly outcome: 'source-missing'; readonly reason: string }
  | { readonly outcome: 'refused'; readonly reason: string };

/** This large file can no longer be completed (full vault, cancelled by somebody else): the volume has to start over. */
export class VolumeLost extends Error {
  override readonly name = 'VolumeLost';
  readonly fileId: string;
  constructor(fileId: string, reason: string) {
    super(reason);
    this.fileId = fileId;
  }
}

export interface StoreLimits {
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
  readonly maxParts: number;
  /** Of one large file. With the largest parts this is fewer than `maxParts`. */
  readonly maxFileBytes: number;
}

export interface DownloadOptions {
  /** Over a new connection, which may reach another server: for data that arrived damaged. */
  readonly ownConnection?: boolean | undefined;
  /** As long as the range. The chunks are then views of it, in order: the bytes go there at once, whether or not the consumer is ready. */
  readonly into?: Uint8Array | undefined;
}

export interface ListingOptions {
  readonly delimiter?: '/' | undefined;
}

export interface ObjectStore {
  readonly limits: StoreLimits;

  /** Upload a small object in one request. May create a second version if an answer was lost. */
  put(meta: ObjectMeta, body: ObjectBody, signal?: AbortSignal): Promise<FileVersion>;

  /**
   * Copies a finished object's bytes, inside the store, to a new object with `meta`; Object Lock and encryption are those of an
   * upload. A lost answer is settled by looking for the copy where the key may list files; elsewhere it may leave a second version.
   * Copies hold no upload connection and do not count as bytes sent. @throws Failure `unavailable` only where B2 cannot be reached
   */
  copyFile(sourceFileId: string, meta: ObjectMeta, signal?: AbortSignal): Promise<CopyOutcome>;

  /** @returns the fileId of a new unfinished large file. */
  startLarge(meta: ObjectMeta, signal?: AbortSignal): Promise<string>;
  /** `partNumber` is 1-based. Idempotent: the last upload of a number wins. @throws VolumeLost */
  uploadPart(fileId: string, partNumber: number, body: ObjectBody, signal?: AbortSignal): Promise<void>;
  /** Settles a lost answer by asking for the file's state. `partSha1s[0]` belongs to part 1. @throws VolumeLost */
  finishLarge(fileId: string, partSha1s: readonly string[], signal?: AbortSignal): Promise<FileVersion>;
  /** Cancelling what is already gone is not an error. */
  cancelLarge(fileId: string): Promise<void>;
  listParts(fileId: string): AsyncIterable<PartInfo>;
  listUnfinished(namePrefix: string): AsyncIterable<FileVersion>;

  /**
   * All versions under a name prefix: names ascending, newest first within a name; includes `start` and `hide`.
   * With a delimiter, the names that have one behind the prefix are folded: one `folder` row, whose name ends in the delimiter and
   * whose other fields are empty, stands for all names that begin so.
   */
  listVersions(namePrefix: string, options?: ListingOptions): AsyncIterable<FileVersion>;
  /** undefined if there is no such file. */
  fileInfo(fileId: string): Promise<FileVersion | undefined>;
  /** @returns 'locked' if Object Lock forbids it, 'absent' if it was already gone. */
  deleteVersion(fileName: string, fileId: string): Promise<'deleted' | 'locked' | 'absent'>;

  /**
   * Bytes `from` (inclusive) to `to` (exclusive) of a finished object. Broken transfers are continued where they stopped.
   * The yielded chunks are the consumer's. For a large range that is wanted whole, `into` costs the least CPU.
   */
  download(
    fileId: string,
    range: { from: number; to: number },
    signal?: AbortSignal,
    options?: DownloadOptions,
  ): AsyncIterable<Uint8Array>;
  /** A token that opens downloads of names with this prefix, for at most 604,800 s, and the URL prefix to append encoded names to. */
  downloadAuthorization(namePrefix: string, seconds: number): Promise<{ token: string; baseUrl: string }>;

  /**
   * The store's own time, ms since 1970 UTC, exact to about a second: from the date of its last answer, carried on by this
   * machine's monotonic clock, so that a wrong or jumping local clock does not matter. undefined while no answer had a date.
   */
  serverNow(): number | undefined;

  /** Counters since `open`, for logs, tests and the cost line of `list --verbose`. */
  readonly counters: StoreCounters;
  close(): Promise<void>;
}

export interface StoreCounters {
  /** B2's transaction classes: A is free (uploads, deletes), B downloads, C listings and authorizations. */
  classA: number;
  classB: number;
  classC: number;
  retries: number;
  bytesSent: number;
  bytesConfirmed: number;
  bytesReceived: number;
  /** Upload connections in use now, and allowed now. */
  readonly connectionsBusy: number;
  readonly connectionsAllowed: number;
}
