/** Has B2 copy volumes of an earlier archive, several at once, and accepts only copies that have the recorded SHA-1 and length. */
import type { CopyOutcome, FileVersion, ObjectMeta, ObjectStore } from '../store.js';
import { WaitQueue } from '../wait-queue.js';
import { CopyLimit } from './copy-limit.js';
import type { KnownVolume } from './known-volumes.js';

/** Why a volume has to be sent: `reason` is worded the same for all volumes, `detail` is what B2 said about this one. */
export interface NotCopied {
  readonly reason: string;
  readonly detail: string;
}

export type CopyResult =
  | { readonly kind: 'copied'; readonly fileId: string }
  /** `wrong`: a copy that differs from its source. */
  | ({ readonly kind: 'not-copied'; readonly wrong?: FileVersion } & NotCopied);

export interface CopiesTools {
  readonly store: Pick<ObjectStore, 'copyFile'>;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly signal: AbortSignal;
}

/** After this many refusals in a row no more copies are requested: a key without readFiles would be refused for every volume. */
const MOST_REFUSALS = 3;

export class Copies {
  readonly #tools: CopiesTools;
  readonly #limit = new CopyLimit();
  readonly #turns = new WaitQueue<undefined, undefined>();
  #busy = 0;
  #refusals = 0;
  #refused: NotCopied | undefined;

  constructor(tools: CopiesTools) {
    this.#tools = tools;
  }

  /** Why this run no longer asks B2 for copies; undefined while it does. */
  get refused(): NotCopied | undefined {
    return this.#refused;
  }

  /** @throws Failure if the store cannot be reached at all, or the signal's reason */
  async copy(from: KnownVolume, meta: ObjectMeta): Promise<CopyResult> {
    const { store, monotonic, signal } = this.#tools;
    signal.throwIfAborted();
    // Whoever grants a turn also counts it as busy.
    if (this.#busy < this.#limit.allowed) this.#busy += 1;
    else await this.#turns.wait(undefined, signal);
    const began = monotonic();
    let refused = true;
    try {
      const outcome = await store.copyFile(from.fileId, meta, signal);
      refused = outcome.outcome === 'refused';
      return this.#judge(outcome, from);
    } finally {
      this.#busy -= 1;
      this.#limit.ended(monotonic() - began, refused, this.#busy);
      while (this.#busy < this.#limit.allowed && this.#turns.grantNext(undefined)) this.#busy += 1;
    }
  }

  #judge(outcome: CopyOutcome, from: KnownVolume): CopyResult {
    this.#refusals = outcome.outcome === 'refused' ? this.#refusals + 1 : 0;
    switch (outcome.outcome) {
      case 'copied':
        return compare(outcome.version, from);
      case 'source-missing':
        return { kind: 'not-copied', reason: 'the earlier volume is gone', detail: outcome.reason };
      case 'refused': {
        const refused = { reason: 'B2 did not copy them', detail: outcome.reason };
        if (this.#refusals >= MOST_REFUSALS) this.#refused = refused;
        return { kind: 'not-copied', ...refused };
      }
    }
  }
}

function compare(version: FileVersion, { bytes, sha1 }: KnownVolume): CopyResult {
  if (version.contentSha1 === sha1 && version.contentLength === bytes)
    return { kind: 'copied', fileId: version.fileId };
  const detail =
    version.contentLength === bytes
      ? `SHA-1 ${version.contentSha1 ?? 'unknown'} instead of ${sha1}`
      : `${version.contentLength} bytes instead of ${bytes}`;
  return { kind: 'not-copied', reason: "B2's copy differs", detail, wrong: version };
}
