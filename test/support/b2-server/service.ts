import type { Clock } from '../../../src/clock.js';
import type { ByteStore, StoredBytes } from './bytes.js';
import type { Capability, ApplicationKey } from './keys.js';
import type { Params } from './params.js';
import type { AccountState } from './state.js';
import type { Tokens } from './tokens.js';

/** B2's sizes. Tests may make parts smaller; the real figures are the defaults. */
export interface Limits {
  /** Least bytes of every part but the last, checked when the file is finished. */
  readonly minPartBytes: number;
  readonly recommendedPartBytes: number;
  readonly maxPartBytes: number;
  readonly maxParts: number;
  /** Of one b2_upload_file. */
  readonly maxFileBytes: number;
  readonly maxBuckets: number;
  /** Most rows of one page, whatever is asked for: B2 may always give fewer. */
  readonly pageRows: number;
}

export const REAL_LIMITS: Limits = {
  minPartBytes: 5_000_000,
  recommendedPartBytes: 100_000_000,
  maxPartBytes: 5_000_000_000,
  maxParts: 10_000,
  maxFileBytes: 5_000_000_000,
  maxBuckets: 100,
  pageRows: 10_000,
};

/** One body that came for a part, whatever became of it: what tests need to prove what was sent, and what was sent again. */
export interface PartRecord {
  readonly fileId: string;
  readonly fileName: string;
  readonly partNumber: number;
  /** Of the header. */
  readonly contentLength: number;
  /** Bytes that arrived; less than `contentLength` when the connection broke. */
  readonly receivedBytes: number;
  /** Hex SHA-1 of the bytes that arrived. */
  readonly sha1: string;
  /** Whether the part was stored (even where the answer was then lost). */
  readonly stored: boolean;
  /** The bytes that arrived, where the server was told to keep them. */
  readonly bytes: StoredBytes | undefined;
}

/** What every operation works on. */
export interface Service {
  readonly account: AccountState;
  readonly keys: Map<string, ApplicationKey>;
  readonly tokens: Tokens;
  readonly bytes: ByteStore;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly parts: PartRecord[];
  readonly keepPartBytes: boolean;
  /** What an upload pair is after its connection broke inside a body; see B2ServerOptions. */
  readonly pairAfterBreak: 'busy' | 'free';
  /** Bucket names that other accounts have. */
  readonly foreignBuckets: ReadonlySet<string>;
  /** 0 ≤ n < 1, from the seed. */
  readonly random: () => number;
}

/** One call with JSON or query parameters, past authorization. */
export interface Call {
  readonly apiVersion: number;
  /** `http://host:port` as the client addressed us. */
  readonly baseUrl: string;
  readonly params: Params;
  readonly key: ApplicationKey;
}

/** An operation: what the key must be able to do, and what it answers (as JSON). */
export interface Operation {
  readonly capability: Capability;
  run(service: Service, call: Call): Record<string, unknown>;
}

export type Operations = Readonly<Record<string, Operation>>;
