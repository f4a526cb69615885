/** What every new object gets from the store's options: Object Lock's retention and B2's encryption at rest. */
import type { LockOptions } from './options.js';

export interface ProtectionOptions {
  readonly lock: LockOptions | undefined;
  /** Ask for SSE-B2. */
  readonly serverSideEncryption: boolean;
  /** B2's time, ms since 1970 UTC: retention that is counted from a wrong local clock would be too short or endless. */
  readonly nowMs: () => number;
}

export interface Retention {
  readonly mode: LockOptions['mode'];
  /** ms since 1970 UTC. */
  readonly retainUntilTimestamp: number;
}

export interface Encryption {
  readonly mode: 'SSE-B2';
  readonly algorithm: 'AES256';
}

const DAY_MS = 86_400_000;

export class Protection {
  readonly #options: ProtectionOptions;

  constructor(options: ProtectionOptions) {
    this.#options = options;
  }

  /** As parameter of a JSON call; undefined where none is asked for. */
  retention(): Retention | undefined {
    const { lock, nowMs } = this.#options;
    if (lock === undefined) return undefined;
    return { mode: lock.mode, retainUntilTimestamp: Math.round(nowMs()) + lock.days * DAY_MS };
  }

  encryption(): Encryption | undefined {
    return this.#options.serverSideEncryption ? { mode: 'SSE-B2', algorithm: 'AES256' } : undefined;
  }

  /** The same as headers of `b2_upload_file`. */
  headers(): Record<string, string> {
    const retention = this.retention();
    const encryption = this.encryption();
    return {
      ...(encryption === undefined ? {} : { 'x-bz-server-side-encryption': encryption.algorithm }),
      ...(retention === undefined
        ? {}
        : {
            'x-bz-file-retention-mode': retention.mode,
            'x-bz-file-retention-retain-until-timestamp': String(retention.retainUntilTimestamp),
          }),
    };
  }
}
