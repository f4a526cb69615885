/** What one archive looks like in the bucket: its volumes, its manifest, and what else lies about under its name. */

/**
 * - `finished`: manifest and every volume are there
 * - `partial`: stored, but the manifest says that something is missing from it
 * - `damaged`: there is a manifest, but volumes that it counts are missing
 * - `running`: no manifest yet, and something worked on it lately
 * - `unfinished`: no manifest, nobody works on it
 */
export type ArchiveState = 'finished' | 'partial' | 'damaged' | 'running' | 'unfinished';

export interface StoredObject {
  readonly name: string;
  readonly fileId: string;
  /** Bytes as stored; 0 for an unfinished large file. */
  readonly bytes: number;
  /** ms since 1970 UTC. For a large file, when it was started. */
  readonly uploadedAt: number;
  /** Object Lock, ms since 1970 UTC, where the key may read it. */
  readonly lockedUntil: number | undefined;
  /** Object Lock's legal hold, where the key may read it. */
  readonly legalHold: boolean;
}

export interface Volume extends StoredObject {
  /** 0-based position in the archive. */
  readonly index: number;
  /** Hex SHA-1 of the stored bytes, where B2 knows one. */
  readonly sha1: string | undefined;
  readonly encrypted: boolean;
  /** Whether a download by name gives a newer version than this one. */
  readonly shadowed: boolean;
}

export interface Leftover extends StoredObject {
  readonly kind: 'upload' | 'start' | 'hide';
  readonly run: string;
  /** Why it is no part of the archive. */
  readonly reason: string;
  readonly alive: boolean;
}

export interface Archive {
  readonly prefix: string;
  readonly host: string;
  readonly number: number;
  /** Of the run whose volumes these are; empty for archives of the older Python scripts. */
  readonly run: string;
  /** Made by the older Python scripts: no file info, no JSON manifest, gpg's own compression. */
  readonly legacy: boolean;
  readonly state: ArchiveState;
  /** What is wrong, one line each; empty when finished. */
  readonly problems: readonly string[];
  /** As in the names: '', '.gz', … */
  readonly extension: string;
  /** Codec and profile as the file info has them; undefined when it says nothing. */
  readonly codec: string | undefined;
  readonly profile: string | undefined;
  /** Ascending by index. */
  readonly volumes: readonly Volume[];
  readonly bytes: number;
  readonly manifest: (StoredObject & { readonly shadowed: boolean }) | undefined;
  /** Large files of this archive's run that were begun and not finished. */
  readonly unfinished: readonly Leftover[];
  /** Other runs' objects, older versions, hide markers, all under this archive's names. */
  readonly leftovers: readonly Leftover[];
  readonly startedAt: number;
  /** When the manifest came up; undefined without one. */
  readonly finishedAt: number | undefined;
  readonly lastActivityAt: number;
  /** Another run of the same host and number is working now. */
  readonly rerunning: boolean;
}

/** Order of listings: hosts by name, numbers ascending within a host. */
export function byHostAndNumber(
  a: Pick<Archive, 'host' | 'number'>,
  b: Pick<Archive, 'host' | 'number'>,
): number {
  if (a.host !== b.host) return a.host < b.host ? -1 : 1;
  return a.number - b.number;
}

/** The moment an archive's age counts from: its end, or its last sign of life. */
export function datedAt(archive: Pick<Archive, 'finishedAt' | 'lastActivityAt'>): number {
  return archive.finishedAt ?? archive.lastActivityAt;
}
