/** What one archive looks like in the bucket: its volumes, its manifest, and whatever else is stored under its name. */

/**
 * - `finished`: manifest and every volume are there
 * - `partial`: stored, but the manifest says that something is missing from it
 * - `damaged`: there is a manifest, but volumes that it names are missing
 * - `hidden`: nothing is missing, but another tool or a lifecycle rule has hidden the manifest or volumes
 * - `running`: no manifest yet, and recent activity
 * - `stopped`: no manifest, and a journal on this machine whose run has ended: a rerun goes on from there
 * - `unfinished`: no manifest, and no recent activity
 */
export type ArchiveState =
  'finished' | 'partial' | 'damaged' | 'hidden' | 'running' | 'stopped' | 'unfinished';

/** Not an archive yet: there is no manifest. */
export function isUnderWay(state: ArchiveState): boolean {
  return state === 'running' || state === 'stopped' || state === 'unfinished';
}

/**
 * What makes objects an archive:
 * - `file-info`: every object carries this program's file info
 * - `manifest`: a copy that has lost its file info; its manifest names every volume, with its size
 * - `name`: the names have the shape that the older Python scripts used, as anybody's may
 *
 * Only what `file-info` proves is counted and removed without being asked to.
 */
export type Proof = 'file-info' | 'manifest' | 'name';

/** A run without a manifest that was active within this time counts as running, wherever it runs. */
export const ACTIVE_MS = 60 * 60 * 1000;

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

/** An object of an archive, and what a download by its name would give. */
export interface NamedObject extends StoredObject {
  /** A newer version has the name. */
  readonly shadowed: boolean;
  /** Hidden by a hide marker: gone by name, still there by file ID. */
  readonly hidden: boolean;
}

export interface Volume extends NamedObject {
  /** 0-based position in the archive. */
  readonly index: number;
  /** Hex SHA-1 of the stored bytes, where B2 knows one. */
  readonly sha1: string | undefined;
  readonly encrypted: boolean;
}

export interface Leftover extends StoredObject {
  readonly kind: 'upload' | 'start' | 'hide';
  readonly run: string;
  /** ID of the installation that made it, where it says so. */
  readonly maker: string | undefined;
  /** Its run has a manifest. */
  readonly ofFinished: boolean;
  /** Why it is not part of the archive. */
  readonly reason: string;
  readonly alive: boolean;
}

export interface Archive {
  readonly prefix: string;
  readonly host: string;
  readonly number: number;
  /** ID of the run that made these volumes; empty if there are only names. */
  readonly run: string;
  readonly proof: Proof;
  /** ID of the installation that made it, where it says so. */
  readonly maker: string | undefined;
  /** The manifest's mark of the settings it was made with. */
  readonly settings: string | undefined;
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
  readonly manifest: NamedObject | undefined;
  /** Of `bytes`, those that B2 copied from an earlier archive; undefined where the manifest does not tell. */
  readonly copiedBytes: number | undefined;
  /**
   * Further objects of this run: the member index, which the manifest names, and whatever a later version adds. They are deleted with the
   * archive.
   */
  readonly others: readonly StoredObject[];
  /** Large files of this archive's run that were begun and not finished. */
  readonly unfinished: readonly Leftover[];
  /** Other runs' objects, older versions, and hide markers on nothing but our own versions, under this archive's names. */
  readonly leftovers: readonly Leftover[];
  readonly startedAt: number;
  /** When the manifest was uploaded; undefined without one. */
  readonly finishedAt: number | undefined;
  /** The last upload, or the moment it was hidden. */
  readonly lastActivityAt: number;
  /** Another run of the same host and number is working now. */
  readonly rerunning: boolean;
}

/** An archive as a listing has it that does not go through volumes cut by content. */
export interface ListedArchive extends Omit<Archive, 'volumes'> {
  readonly volumes: number;
}

/**
 * Every stored version of one of its objects, the run's newest first. The newest proves nothing: whoever can write to the bucket can put
 * one on top.
 */
export function versionsOf(
  { others, leftovers }: Pick<Archive, 'others' | 'leftovers'>,
  name: string,
): StoredObject[] {
  const older = leftovers.filter(({ kind }) => kind === 'upload');
  return [...others, ...older].filter((object) => object.name === name);
}

/** Whether all of it is hidden, as when somebody deleted it with a tool that hides. */
export function isHiddenWhole({ state, manifest, volumes }: Archive): boolean {
  return state === 'hidden' && manifest?.hidden === true && volumes.every(({ hidden }) => hidden);
}

/** Order of listings: by host, then by time, because a new BackupPC starts numbering from 0. */
export function byHostAndAge(
  a: Pick<Archive, 'host' | 'number' | 'finishedAt' | 'lastActivityAt'>,
  b: Pick<Archive, 'host' | 'number' | 'finishedAt' | 'lastActivityAt'>,
): number {
  if (a.host !== b.host) return a.host < b.host ? -1 : 1;
  return datedAt(a) - datedAt(b) || a.number - b.number;
}

/** The moment an archive's age counts from: its end, or its last sign of life. */
export function datedAt(archive: Pick<Archive, 'finishedAt' | 'lastActivityAt'>): number {
  return archive.finishedAt ?? archive.lastActivityAt;
}
