/** File versions under one archive's stem → the archive. Pure. */
import type { FileVersion } from '../store.js';
import type { Archive, Leftover, NamedObject, Proof, StoredObject, Volume } from './archive.js';
import { stateOf, rank, manifestSummary, summaryOfInfo, type ManifestSummary } from './archive-state.js';
import type { Manifest } from './manifest.js';
import { archiveStem, INFO } from './names.js';
import { ownerOf, type Owner } from './ownership.js';
import { placeOf } from './place.js';

export interface AssembleOptions {
  readonly prefix: string;
  /** ms since 1970 UTC, on the store's clock. */
  readonly now: number;
  /** Whether a run that still goes on (its journal is held by a live process) owns this version. */
  readonly isAlive: (version: FileVersion) => boolean;
  /** Whether its run is known to have ended without finishing. Default: of none. */
  readonly isStopped?: ((version: FileVersion) => boolean) | undefined;
  /** A run without manifest whose last sign of life is younger than this counts as running. */
  readonly activeMs: number;
  /** File IDs of manifests that nothing vouches for: passed over, so that what they lie on comes to light. */
  readonly distrusted?: ReadonlySet<string> | undefined;
  /** The volumes are not among the versions: what the manifest says of them is taken for granted. */
  readonly folded?: boolean | undefined;
}

export interface Assembled {
  /** undefined if nothing under the stem provably belongs to an archive. */
  readonly archive: Archive | undefined;
  /** What is not part of it, including hide markers on versions that are not ours. */
  readonly foreign: readonly FileVersion[];
}

/** What makes a version part of an archive, where it is not its own file info. */
export type Adopt =
  /** The name alone is enough: the owner said so. */
  | { readonly kind: 'names' }
  /** Manifests that have lost their file info, by file ID: they name their volumes. */
  | { readonly kind: 'manifests'; readonly manifests: ReadonlyMap<string, Manifest> };

const NO_MANIFESTS: Adopt = { kind: 'manifests', manifests: new Map() };

interface Run {
  readonly id: string;
  maker: string | undefined;
  settings: string | undefined;
  /** The manifest, or this many volumes, have lost their file info. */
  manifestCopied: boolean;
  volumesCopied: number;
  readonly volumes: Volume[];
  manifest: { object: NamedObject; summary: ManifestSummary } | undefined;
  readonly others: StoredObject[];
  readonly unfinished: FileVersion[];
  readonly info: { codec: string | undefined; profile: string | undefined; extension: string };
  alive: boolean;
  stopped: boolean;
  lastActivityAt: number;
  startedAt: number;
}

/**
 * @param versions all versions under one archive's stem, in the listing's order: names ascending, newest first
 */
export function assemble(
  owner: Owner,
  versions: readonly FileVersion[],
  options: AssembleOptions,
  adopt: Adopt = NO_MANIFESTS,
): Assembled {
  const stem = archiveStem({ prefix: options.prefix, ...owner });
  const splitPlain = versions.some(
    ({ fileName }) => fileName === `${stem}.aa.gpg` || fileName === `${stem}.aa`,
  );
  const runs = new Map<string, Run>();
  const leftovers: Leftover[] = [];
  const foreign: FileVersion[] = [];

  for (const ofName of byName(versions)) {
    /** When a hide marker above was made; the listing gives the newest first. */
    let hiddenAt: number | undefined;
    let newer = false;
    const newerOfRun = new Set<string>();
    const markers: FileVersion[] = [];
    let strangers = 0;
    let ours = 0;
    for (const version of ofName) {
      if (version.action === 'hide') {
        hiddenAt ??= version.uploadTimestamp;
        markers.push(version);
        continue;
      }
      const part = version.action === 'folder' ? undefined : partOf(version, owner, options.prefix, adopt);
      if (part === undefined) {
        foreign.push(version);
        strangers += 1;
        if (version.action === 'upload') newer = true;
        continue;
      }
      ours += 1;
      const run = runs.get(part.run) ?? newRun(part.run);
      runs.set(part.run, run);
      if (part.proven) run.maker ??= version.fileInfo[INFO.maker];
      run.alive ||= options.isAlive(version);
      run.stopped ||= options.isStopped?.(version) === true;
      run.lastActivityAt = Math.max(run.lastActivityAt, version.uploadTimestamp, hiddenAt ?? 0);
      run.startedAt = Math.min(run.startedAt, version.uploadTimestamp);
      if (version.action === 'start') {
        run.unfinished.push(version);
        continue;
      }
      const object = { ...stored(version), shadowed: newer, hidden: hiddenAt !== undefined };
      newer = true;
      if (options.distrusted?.has(version.fileId) === true) {
        leftovers.push(leftover(version, run, 'unproven manifest', options));
        continue;
      }
      if (newerOfRun.has(part.run)) {
        leftovers.push(leftover(version, run, 'older version', options));
        continue;
      }
      newerOfRun.add(part.run);
      const place = part.place ?? placeOf(version, options.prefix, splitPlain);
      if (place === 'manifest') {
        run.manifestCopied = part.manifest !== undefined;
        run.settings = version.fileInfo[INFO.settings];
        run.manifest = {
          object,
          summary:
            part.manifest === undefined ? summaryOfInfo(version.fileInfo) : manifestSummary(part.manifest),
        };
        run.info.codec ??= part.manifest?.codec.name ?? version.fileInfo[INFO.codec];
        run.info.profile ??= part.manifest?.profile ?? version.fileInfo[INFO.profile];
        run.info.extension ||= part.manifest?.extension ?? '';
      } else if (place === undefined) {
        run.others.push(stored(version));
      } else {
        if (!part.proven) run.volumesCopied += 1;
        run.info.codec ??= version.fileInfo[INFO.codec];
        run.info.profile ??= version.fileInfo[INFO.profile];
        run.info.extension ||= place.extension;
        run.volumes.push({
          ...object,
          index: place.index,
          sha1: knownSha1(version),
          encrypted: version.fileName.endsWith('.gpg'),
        });
      }
    }
    // A marker on a version that is not ours must stay: removing it would bring that version back.
    if (ours > 0 && strangers === 0)
      leftovers.push(...markers.map((marker) => leftover(marker, undefined, 'hide marker', options)));
    else foreign.push(...markers);
  }
  const strangeManifest = foreign.some(
    ({ action, fileName }) => action === 'upload' && fileName === `${stem}.COMPLETE`,
  );
  return { archive: archiveOf(owner, runs, { leftovers, strangeManifest }, options), foreign };
}

function archiveOf(
  owner: Owner,
  runs: ReadonlyMap<string, Run>,
  { leftovers, strangeManifest }: { leftovers: readonly Leftover[]; strangeManifest: boolean },
  options: AssembleOptions,
): Archive | undefined {
  for (const run of runs.values()) run.volumes.sort((a, b) => a.index - b.index);
  const judged = [...runs.values()].map((run) => ({
    run,
    ...stateOf({ ...run, strangeManifest }, options),
  }));
  judged.sort((a, b) => rank(a.state) - rank(b.state) || b.run.lastActivityAt - a.run.lastActivityAt);
  const [chosen, ...others] = judged;
  if (chosen === undefined) return undefined;
  const { run, state, problems } = chosen;
  const said = run.manifest?.summary;
  return {
    prefix: options.prefix,
    ...owner,
    run: run.id,
    proof: proofOf(run),
    maker: run.maker,
    settings: run.settings,
    state,
    problems,
    extension: run.info.extension,
    codec: run.info.codec,
    profile: run.info.profile,
    volumes: run.volumes,
    bytes:
      options.folded === true
        ? (said?.bytes ?? 0)
        : run.volumes.reduce((sum, volume) => sum + volume.bytes, 0),
    manifest: run.manifest?.object,
    copiedBytes: said?.copiedBytes,
    others: run.others,
    unfinished: run.unfinished.map((version) => ({
      ...leftover(version, run, 'unfinished large file', options),
      alive: run.alive,
    })),
    leftovers: [...leftovers, ...others.flatMap((other) => leftoversOf(other.run, options))],
    startedAt: options.folded === true ? (said?.startedAt ?? run.startedAt) : run.startedAt,
    finishedAt: run.manifest?.object.uploadedAt,
    lastActivityAt: run.lastActivityAt,
    rerunning: others.some((other) => other.state === 'running'),
  };
}

/** Everything of a run that is not the archive's. */
function leftoversOf(run: Run, options: AssembleOptions): Leftover[] {
  const reason = run.alive ? 'of a run that goes on' : 'of another run';
  const objects = [...run.volumes, ...(run.manifest ? [run.manifest.object] : []), ...run.others];
  return [
    ...objects.map((object) => ({
      ...bare(object),
      kind: 'upload' as const,
      run: run.id,
      maker: run.maker,
      ofFinished: run.manifest !== undefined,
      reason,
      alive: run.alive,
    })),
    ...run.unfinished.map((version) => ({
      ...leftover(version, run, reason, options),
      alive: run.alive,
    })),
  ];
}

interface Part {
  readonly run: string;
  /** By its own file info. */
  readonly proven: boolean;
  /** Where it is not what the version itself says. */
  readonly place?: 'manifest' | { extension: string; index: number };
  readonly manifest?: Manifest;
}

/** Whether, and by what proof, a version is part of the owner's archive. */
function partOf(version: FileVersion, owner: Owner, prefix: string, adopt: Adopt): Part | undefined {
  const proven = ownerOf(version, prefix);
  if (proven !== undefined)
    return proven.host === owner.host && proven.number === owner.number
      ? { run: proven.run, proven: true }
      : undefined;
  if (adopt.kind === 'names')
    return placeOf({ ...version, fileInfo: {} }, prefix, true) === undefined
      ? undefined
      : { run: '', proven: false };
  for (const [fileId, manifest] of adopt.manifests) {
    const { run } = manifest;
    if (version.fileId === fileId) return { run, proven: false, place: 'manifest', manifest };
    const index = indexByName(manifest).get(version.fileName);
    if (index !== undefined && manifest.volumes[index]?.bytes === version.contentLength)
      return { run, proven: false, place: { extension: manifest.extension, index } };
  }
  return undefined;
}

/** Asked for each version, where a manifest may name a hundred thousand volumes. */
const indexes = new WeakMap<Manifest, ReadonlyMap<string, number>>();

function indexByName(manifest: Manifest): ReadonlyMap<string, number> {
  const known = indexes.get(manifest);
  if (known !== undefined) return known;
  const index = new Map(manifest.volumes.map(({ name }, at) => [name, at]));
  indexes.set(manifest, index);
  return index;
}

function proofOf(run: Run): Proof {
  if (run.id === '') return 'name';
  const copied = run.volumesCopied > 0 || (run.manifestCopied && run.volumes.length === 0);
  return copied ? 'manifest' : 'file-info';
}

function* byName(versions: readonly FileVersion[]): Iterable<FileVersion[]> {
  let group: FileVersion[] = [];
  for (const version of versions) {
    if (group[0] !== undefined && group[0].fileName !== version.fileName) {
      yield group;
      group = [];
    }
    group.push(version);
  }
  if (group.length > 0) yield group;
}

function newRun(id: string): Run {
  return {
    id,
    maker: undefined,
    settings: undefined,
    manifestCopied: false,
    volumesCopied: 0,
    volumes: [],
    manifest: undefined,
    others: [],
    unfinished: [],
    info: { codec: undefined, profile: undefined, extension: '' },
    alive: false,
    stopped: false,
    lastActivityAt: 0,
    startedAt: Infinity,
  };
}

function stored(version: FileVersion): StoredObject {
  return {
    name: version.fileName,
    fileId: version.fileId,
    bytes: version.contentLength,
    uploadedAt: version.uploadTimestamp,
    lockedUntil: version.lockedUntil,
    legalHold: version.legalHold,
  };
}

function bare({ name, fileId, bytes, uploadedAt, lockedUntil, legalHold }: StoredObject): StoredObject {
  return { name, fileId, bytes, uploadedAt, lockedUntil, legalHold };
}

function leftover(
  version: FileVersion,
  run: Run | undefined,
  reason: string,
  options: AssembleOptions,
): Leftover {
  return {
    ...stored(version),
    kind: version.action === 'folder' ? 'upload' : version.action,
    run: run?.id ?? '',
    maker: run?.maker,
    ofFinished: run?.manifest !== undefined,
    reason,
    alive: options.isAlive(version),
  };
}

/** B2 lists no SHA-1 for a large file; b2sdk and rclone write their own claim into the file info. */
function knownSha1(version: FileVersion): string | undefined {
  const sha1 = version.contentSha1 ?? version.fileInfo['large_file_sha1'];
  return sha1 !== undefined && /^[0-9a-f]{40}$/.test(sha1) ? sha1 : undefined;
}
