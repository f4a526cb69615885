/** Decides, once the source has ended, whether its output may become an archive. */
import { judgeSource, type ExpectedContent, type SourceEnd } from '../backuppc/completeness.js';
import type { TarEnd } from '../backuppc/tar-end.js';
import type { ArchiveName } from '../catalog/names.js';
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { ObjectStore } from '../store.js';
import { completeArchive, completeKept } from './complete-archive.js';
import type { CompleteKept } from './interruption.js';
import type { SourceFacts } from './manifest-of.js';
import type { StoredJudge } from './proven-archive.js';

export interface AdmissionOptions {
  readonly name: ArchiveName;
  readonly store: ObjectStore;
  readonly journal: Journal;
  readonly judge: StoredJudge;
  /** ID of this installation. */
  readonly maker: string;
  readonly allowPartial: boolean;
  readonly expected: ExpectedContent | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #source: SourceFacts | undefined;
  #failed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get source(): SourceFacts {
    if (this.#source === undefined) throw new Error('the source has not ended');
    return this.#source;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** @returns why not, if something better is already stored. @throws Failure `source` when there is nothing to finish */
  async decide(end: SourceEnd, tar: TarEnd): Promise<CompleteKept | undefined> {
    const { allowPartial, expected, emit } = this.#options;
    const verdict = judgeSource(end, tar, expected);
    const broke = end.status !== 0 && end.kind !== 'stdin';
    if (verdict.state === 'failed' || (verdict.state === 'partial' && broke)) {
      const reason = verdict.state === 'failed' ? verdict.reason : verdict.reasons.join('; ');
      const hint = verdict.hint ?? 'nothing was finished; run the archive again';
      if (!allowPartial || tar.bytes === 0) throw new Failure('source', reason, { hint });
      this.#failed = true;
      return this.#admit({ tarBytes: tar.bytes, done: end.done, reasons: [reason] });
    }
    for (const message of verdict.warnings) emit({ type: 'warning', message });
    return this.#admit({
      tarBytes: tar.bytes,
      done: end.done,
      reasons: verdict.state === 'partial' ? verdict.reasons : [],
    });
  }

  async #admit(source: SourceFacts): Promise<CompleteKept | undefined> {
    const { journal, clock } = this.#options;
    if (source.reasons.length > 0) {
      const better = await completeArchive(this.#options, journal.state.archive.run, clock.now());
      if (better !== undefined) return completeKept(source.reasons, better);
    }
    this.#source = source;
    return undefined;
  }
}
