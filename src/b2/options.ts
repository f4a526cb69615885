import type { Throttle } from '../bandwidth/throttle.js';
import type { Clock } from '../clock.js';
import type { Emit } from '../events.js';
import type { Timeouts } from './http.js';
import type { Capability } from './operations.js';
import type { Patience } from './retry/retry.js';

export interface LockOptions {
  readonly days: number;
  /** `governance` can be lifted by a key that may; `compliance` by nobody. */
  readonly mode: 'governance' | 'compliance';
}

export interface B2Options {
  /** Where `b2_authorize_account` is: default `https://api.backblazeb2.com`. Plain http only to loopback. */
  readonly endpoint?: string | undefined;
  readonly keyId: string;
  /** The application key. It stays inside this store: in no error, no log, no `inspect`. */
  readonly key: string;
  /** A name, or a template with `{accountId}` and `{host}`. */
  readonly bucket: string;
  /** For `{host}`. */
  readonly host?: string | undefined;
  /** Create the bucket, private, if it is missing. Default: no. */
  readonly createBucket?: boolean | undefined;
  /** Names that will be written begin with this: checked against the key's own prefix at once. */
  readonly namePrefix?: string | undefined;
  /** What the caller will need the key to allow: a missing one is reported before any work is done. */
  readonly needs?: readonly Capability[] | undefined;
  /** Object Lock for everything that is uploaded. */
  readonly lock?: LockOptions | undefined;
  /** Ask for SSE-B2 on everything that is uploaded. */
  readonly serverSideEncryption?: boolean | undefined;
  /** Let B2 cancel unfinished large files after so many days. */
  readonly cancelUnfinishedDays?: number | undefined;
  /** Upload connections: a number, or `auto` (default): as many as help, up to `maxConnections`. */
  readonly connections?: number | 'auto' | undefined;
  /** What the memory budget allows: as many parts as are in memory at once. Default 16. */
  readonly maxConnections?: number | undefined;
  readonly throttle?: Throttle | undefined;
  readonly clock?: Clock | undefined;
  /** In [0, 1), for the jitter of pauses. */
  readonly random?: (() => number) | undefined;
  readonly emit?: Emit | undefined;
  readonly userAgent?: string | undefined;
  /** How long calls are tried. Default: a quarter of an hour without any network, 45 minutes while B2 is busy. */
  readonly patience?: Patience | undefined;
  /** The same for the first login. Default: `patience`. Shorter where somebody waits for it. */
  readonly loginPatience?: Patience | undefined;
  /** Ends everything that the store does. */
  readonly signal?: AbortSignal | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
}
