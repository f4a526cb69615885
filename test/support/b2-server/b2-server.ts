/** What a test sees of the server. */
import type { Clock } from '../../../src/clock.js';
import type { DataOption } from './bytes.js';
import type { FaultRule } from './fault-rule.js';
import type { Faults } from './faults.js';
import type { BucketView } from './inspect.js';
import type { KeyOption } from './keys.js';
import type { RateOption } from './rate.js';
import type { LoggedRequest } from './request-log.js';
import type { Limits, PartRecord } from './service.js';
import type { AccountState } from './state.js';
import type { TokenLifetimes } from './tokens.js';

export interface B2ServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, one that is free. */
  readonly port?: number;
  /** Default: memory. */
  readonly data?: DataOption;
  /** Whether `parts` keeps the bytes of every body that came, also of broken and refused ones. Default: in memory mode. */
  readonly keepPartBytes?: boolean;
  /** Of every answer; a connection's first takes it twice. */
  readonly latencyMs?: number;
  /**
   * A pair whose upload broke off: `busy` for good (B2 may still wait for the rest; a client must drop it), or `free` again (B2 has noticed).
   * Default: busy, the harder case.
   */
  readonly pairAfterBreak?: 'busy' | 'free';
  readonly bytesPerSecond?: RateOption;
  /** Objects, or words as fault-text.ts reads them. */
  readonly faults?: readonly (FaultRule | string)[];
  /** For faults by probability and test modes. Default: 1. */
  readonly seed?: number;
  readonly minPartBytes?: number;
  readonly limits?: Partial<Limits>;
  readonly lifetimes?: Partial<TokenLifetimes>;
  readonly clock?: Clock;
  /** Beside the master key. */
  readonly keys?: readonly KeyOption[];
  /** Buckets that exist from the start. */
  readonly buckets?: readonly string[];
  /** Bucket names that other accounts have taken. */
  readonly foreignBuckets?: readonly string[];
  /** Serves https with this certificate (PEM). */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
}

export interface B2Server {
  /** `http://127.0.0.1:PORT`: what clients call the endpoint. */
  readonly url: string;
  readonly port: number;
  /** The master key, which may do everything. */
  readonly keyId: string;
  readonly key: string;
  readonly account: AccountState;
  readonly requests: readonly LoggedRequest[];
  /** Every body that came for a part, in the order in which they ended. */
  readonly parts: readonly PartRecord[];
  readonly faults: Faults;
  /** Defects of this server itself; a test's clean-up may assert that there are none. */
  readonly defects: readonly unknown[];
  bucket(bucketName: string): BucketView;
  /** As b2_create_bucket with the master key; `fields` are that call's. */
  createBucket(bucketName: string, fields?: Readonly<Record<string, unknown>>): BucketView;
  addKey(key: KeyOption): void;
  /** Every token handed out so far is expired from now on. */
  expireTokens(): void;
  /** Resets every open connection. */
  resetConnections(): void;
  /** Forgets `requests` and `parts`. */
  clearLog(): void;
  close(): Promise<void>;
}
