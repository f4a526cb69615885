import type { ExpectedContent } from '../backuppc/completeness.js';
import type { TarSource } from '../backuppc/source.js';
import type { Throttle } from '../bandwidth/throttle.js';
import type { Clock } from '../clock.js';
import type { CodecChoice } from '../compression/codec-choice.js';
import type { Config } from '../config/schema.js';
import type { Emit } from '../events.js';
import type { ObjectStore } from '../store.js';
import type { RunCounters } from './counters.js';
import type { StoredJudge } from './proven-archive.js';

/** What is to be archived, as the door understood it. */
export interface ArchiveRequest {
  readonly host: string;
  readonly number: number;
  readonly share: string;
  readonly openSource: () => Promise<TarSource>;
  /** Whether `openSource` may be called again for the same bytes. */
  readonly readableAgain: boolean;
  /** Where the journal lives. */
  readonly stateDirectory: string;
  /** Bytes per volume, 0 = not split. */
  readonly splitSize: number;
  readonly codec: CodecChoice;
  readonly expected: ExpectedContent | undefined;
  /** Expected bytes of the tar, from BackupPC's record. */
  readonly expectedBytes: number | undefined;
  /** When the backup ended, as BackupPC has it: ms since 1970 UTC. */
  readonly backupEndedAt: number | undefined;
}

export interface SessionOptions {
  readonly request: ArchiveRequest;
  readonly config: Config;
  readonly throttle: Throttle;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly stop: AbortSignal;
  readonly judge: StoredJudge;
  /** Called once the run has counters to look at. */
  readonly onRunning: (counters: RunCounters, store: ObjectStore) => void;
}
