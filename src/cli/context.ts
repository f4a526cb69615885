/** What every command gets as arguments: its access to the outside world. */
import type { Clock } from '../clock.js';
import type { Archive } from '../catalog/archive.js';
import type { Authenticity } from '../catalog/authenticity.js';
import type { Unproven } from '../catalog/retention.js';
import type { Search } from '../catalog/search.js';
import type { Work } from '../reporting/work.js';
import type { FileVersion, ObjectStore } from '../store.js';

/** The terminal, or whatever stands in for it. Commands print through this and nothing else. */
export interface Output {
  /** To standard output, as it is. */
  write(text: string): void;
  /** One line to standard error. */
  note(line: string): void;
  /** Whether standard output is a terminal. */
  readonly writesToTerminal: boolean;
  /** Whether a person can be asked. */
  readonly interactive: boolean;
  /** Shows how far `work` is while `run` goes on, where a person looks at standard error. undefined: nothing to show. */
  follow<T>(work: Readonly<Work> | undefined, run: () => Promise<T>): Promise<T>;
  /** One line from the terminal. */
  ask(question: string): Promise<string>;
}

export interface OpenBucket {
  readonly name: string;
  readonly store: ObjectStore;
}

/** Whether archives are what we stored, as far as this machine can tell. */
export interface Judge {
  /** Whether a passphrase or a secret key is configured. */
  readonly hasKeys: boolean;
  /** Whether this installation stored this very COMPLETE. */
  remembers(fileId: string): Promise<boolean>;
  authenticate(located: Located, signal?: AbortSignal): Promise<Authenticity>;
  /**
   * Why it is unproven, without downloading if possible; undefined if it is proven, or has no manifest and so claims nothing. Where
   * many were looked at in vain, no more are.
   */
  whyUnproven(located: Located): Promise<Unproven | undefined>;
}

export interface Located {
  readonly bucket: OpenBucket;
  readonly archive: Archive;
}

export interface CatalogContext {
  readonly judge: Judge;
  /** What one command looks at in vain, in all that it does. */
  readonly search: Search;
  readonly clock: Clock;
  readonly out: Output;
  /** Goes before every object name. */
  readonly prefix: string;
  /**
   * The buckets that can hold archives of `host`, or of any host: one, or many if the configuration has a bucket per host.
   * Opened once, closed by the creator of the context.
   */
  openBuckets(host?: string): Promise<readonly OpenBucket[]>;
  /** Whether a live run on this machine owns this version (a process holds its journal). */
  isAlive(version: FileVersion): boolean;
  /** Whether a journal on this machine is of its run, and nobody holds it. */
  isStopped?(version: FileVersion): boolean;
}

/** A finished command: what the process exits with. */
export type ExitStatus = number;
