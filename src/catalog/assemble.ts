/** File versions under one archive's stem → the archive. Pure. */
import type { FileVersion } from '../store.js';
import type { Archive, ArchiveState, Leftover, StoredObject, Volume } from './archive.js';
import { INFO, parseObjectName, suffixIndex } from './names.js';

export interface AssembleOptions {
  readonly prefix: string;
  /** ms since 1970 UTC. */
  readonly now: number;
  /** Whether a run that still goes on (its journal is held by a live process) owns this version. */
  readonly isAlive: (version: FileVersion) => boolean;
  /** A run without manifest whose last sign of life is younger than this counts as running. */
  readonly activeMs: number;
}

/** Which archive a version belongs to, or undefined for names that are not ours. */
export function ownerOf(
  version: Pick<FileVersion, 'fileName' | 'fileInfo'>,
  prefix: string,
): { host: string; number: number } | undefined {
  const host = version.fileInfo[INFO.host];
  const number = Number(version.fileInfo[INFO.number] ?? NaN);
  if (host !== undefined && Number.isSafeInteger(number)) {
    if (version.fileName.startsWith(`${prefix}${host}.${number}.tar`)) return { host, number };
  }
  const parsed = parseObjectName(version.fileName, prefix);
  return parsed && { host: parsed.host, number: parsed.number };
}

interface Run {
  readonly id: string;
  readonly volumes: Volume[];
  manifest: { object: StoredObject & { shadowed: boolean }; info: FileVersion['fileInfo'] } | undefined;
  readonly unfinished: FileVersion[];
  readonly info: { codec: string | undefined; profile: string | undefined; extension: string };
  alive: boolean;
  lastActivityAt: number;
  startedAt: number;
}

const EXTENSIONS = new Set(['gz', 'bz2', 'zst', 'xz', 'lz4', 'raw', 'lzo', 'Z']);

/**
 * Extension and index of a volume that has no file info. `.gz` and `.xz` are extensions and also split suffixes: alone, they are
 * suffixes exactly when the archive has a first volume `.aa` without an extension.
 */
function placeByName(
  tail: readonly string[],
  splitPlain: boolean,
): { extension: string; index: number } | undefined {
  const [first, second] = tail;
  if (first === undefined) return { extension: '', index: 0 };
  const firstIndex = suffixIndex(first);
  if (second === undefined) {
    if (EXTENSIONS.has(first) && !(splitPlain && firstIndex !== undefined))
      return { extension: `.${first}`, index: 0 };
    return firstIndex === undefined ? undefined : { extension: '', index: firstIndex };
  }
  const index = suffixIndex(second);
  return index === undefined ? undefined : { extension: `.${first}`, index };
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

/** B2 lists no SHA-1 for a large file; b2sdk and rclone write their own claim into the file info. */
function knownSha1(version: FileVersion): string | undefined {
  const sha1 = version.contentSha1 ?? version.fileInfo['large_file_sha1'];
  return sha1 !== undefined && /^[0-9a-f]{40}$/.test(sha1) ? sha1 : undefined;
}

/**
 * @param versions all versions under one archive's stem, in the listing's order: names ascending, newest first
 * @returns undefined when nothing of an archive is left (only hide markers)
 */
export function assemble(
  owner: { host: string; number: number },
  versions: readonly FileVersion[],
  options: AssembleOptions,
): Archive | undefined {
  const stem = `${options.prefix}${owner.host}.${owner.number}.tar`;
  const splitPlain = versions.some(
    ({ fileName }) => fileName === `${stem}.aa.gpg` || fileName === `${stem}.aa`,
  );
  const runs = new Map<string, Run>();
  const leftovers: Leftover[] = [];
  const leave = (version: FileVersion, reason: string): void => {
    if (version.action !== 'folder') leftovers.push(leftover(version, reason, options));
  };

  let name = '';
  let hidden = false;
  /** Whether an upload of this name has been seen already, overall and by run: the listing gives the newest first. */
  let newer = false;
  let newerOfRun = new Set<string>();
  for (const version of versions) {
    if (version.fileName !== name) {
      name = version.fileName;
      hidden = false;
      newer = false;
      newerOfRun = new Set();
    }
    if (version.action === 'hide') {
      hidden = true;
      leave(version, 'hide marker');
      continue;
    }
    if (hidden) {
      leave(version, 'hidden');
      continue;
    }
    const id = version.fileInfo[INFO.run] ?? '';
    const place = placeOf(version, options.prefix, splitPlain);
    if (place === undefined) {
      leave(version, 'not a name of an archive');
      continue;
    }
    const run = runs.get(id) ?? newRun(id);
    runs.set(id, run);
    run.alive ||= options.isAlive(version);
    run.lastActivityAt = Math.max(run.lastActivityAt, version.uploadTimestamp);
    run.startedAt = Math.min(run.startedAt, version.uploadTimestamp);
    if (version.action === 'start') {
      run.unfinished.push(version);
      continue;
    }
    const shadowed = newer;
    newer = true;
    if (newerOfRun.has(id)) {
      leave(version, 'older version');
      continue;
    }
    newerOfRun.add(id);
    if (place === 'manifest') {
      run.manifest = { object: { ...stored(version), shadowed }, info: version.fileInfo };
      continue;
    }
    run.info.codec ??= version.fileInfo[INFO.codec];
    run.info.profile ??= version.fileInfo[INFO.profile];
    run.info.extension ||= place.extension;
    run.volumes.push({
      ...stored(version),
      index: place.index,
      sha1: knownSha1(version),
      encrypted: version.fileName.endsWith('.gpg'),
      shadowed,
    });
  }

  const judged = [...runs.values()].map((run) => ({ run, ...judge(run, options) }));
  judged.sort((a, b) => rank(a.state) - rank(b.state) || b.run.lastActivityAt - a.run.lastActivityAt);
  const [chosen, ...others] = judged;
  if (chosen === undefined) return undefined;
  for (const { run } of others) {
    const reason = run.alive ? 'of a run that goes on' : 'of another run';
    const rest = [...run.volumes, ...(run.manifest ? [run.manifest.object] : [])];
    for (const object of rest) {
      leftovers.push({ ...bare(object), kind: 'upload', run: run.id, reason, alive: run.alive });
    }
    for (const version of run.unfinished)
      leftovers.push({ ...leftover(version, reason, options), alive: run.alive });
  }
  const { run, state, problems } = chosen;
  return {
    prefix: options.prefix,
    ...owner,
    run: run.id,
    legacy: run.id === '',
    state,
    problems,
    extension: run.info.extension,
    codec: run.info.codec,
    profile: run.info.profile,
    volumes: run.volumes,
    bytes: run.volumes.reduce((sum, volume) => sum + volume.bytes, 0),
    manifest: run.manifest?.object,
    unfinished: run.unfinished.map((version) => ({
      ...leftover(version, 'unfinished large file', options),
      alive: run.alive,
    })),
    leftovers,
    startedAt: run.startedAt,
    finishedAt: run.manifest?.object.uploadedAt,
    lastActivityAt: run.lastActivityAt,
    rerunning: others.some((other) => other.state === 'running'),
  };
}

function newRun(id: string): Run {
  return {
    id,
    volumes: [],
    manifest: undefined,
    unfinished: [],
    info: { codec: undefined, profile: undefined, extension: '' },
    alive: false,
    lastActivityAt: 0,
    startedAt: Infinity,
  };
}

function bare({ name, fileId, bytes, uploadedAt, lockedUntil, legalHold }: StoredObject): StoredObject {
  return { name, fileId, bytes, uploadedAt, lockedUntil, legalHold };
}

function leftover(version: FileVersion, reason: string, options: AssembleOptions): Leftover {
  const kind = version.action === 'folder' ? 'upload' : version.action;
  return {
    ...stored(version),
    kind,
    run: version.fileInfo[INFO.run] ?? '',
    reason,
    alive: options.isAlive(version),
  };
}

type Place = 'manifest' | { extension: string; index: number };

function placeOf(version: FileVersion, prefix: string, splitPlain: boolean): Place | undefined {
  const { fileInfo } = version;
  const parsed = parseObjectName(version.fileName, prefix);
  if (parsed?.tail.length === 1 && parsed.tail[0] === 'COMPLETE' && !parsed.encrypted) return 'manifest';
  const place = parsed && placeByName(parsed.tail, splitPlain);
  const index = Number(fileInfo[INFO.volume] ?? NaN);
  if (Number.isSafeInteger(index) && index >= 0)
    return { extension: extensionOf(parsed?.tail ?? [], place), index };
  return place;
}

/** With the index known from the file info, the name is asked only for its extension: `.gz` alone is one then. */
function extensionOf(tail: readonly string[], place: { extension: string } | undefined): string {
  const [first] = tail;
  return first !== undefined && EXTENSIONS.has(first) ? `.${first}` : (place?.extension ?? '');
}

function rank(state: ArchiveState): number {
  return state === 'finished' ? 0 : state === 'partial' ? 1 : 2;
}

function judge(run: Run, options: AssembleOptions): { state: ArchiveState; problems: string[] } {
  run.volumes.sort((a, b) => a.index - b.index);
  if (run.manifest === undefined) {
    const active = run.alive || options.now - run.lastActivityAt < options.activeMs;
    return { state: active ? 'running' : 'unfinished', problems: ['no manifest'] };
  }
  const problems = gaps(run);
  if (problems.length > 0) return { state: 'damaged', problems };
  if (run.manifest.info[INFO.state] === 'partial') {
    return {
      state: 'partial',
      problems: ['the archive was stored although files were missing from the tar'],
    };
  }
  return { state: 'finished', problems: [] };
}

/** What the manifest's file info, or the sequence of suffixes where there is none, counts and the bucket lacks. */
function gaps(run: Run): string[] {
  const problems: string[] = [];
  const info = run.manifest?.info ?? {};
  const counted = Number(info[INFO.volumes] ?? NaN);
  const expected = Number.isSafeInteger(counted)
    ? counted
    : Math.max(1, 1 + (run.volumes.at(-1)?.index ?? 0));
  const present = new Set(run.volumes.map(({ index }) => index));
  const missing: number[] = [];
  for (let index = 0; index < expected && missing.length < 5; index++)
    if (!present.has(index)) missing.push(index + 1);
  if (missing.length > 0) {
    const count = expected - present.size;
    problems.push(
      `${count} of ${expected} volumes missing: ${missing.join(', ')}${count > missing.length ? ', …' : ''}`,
    );
  } else if (present.size > expected) {
    problems.push(`${present.size} volumes where the manifest counts ${expected}`);
  }
  const bytes = Number(info[INFO.bytes] ?? NaN);
  const found = run.volumes.reduce((sum, volume) => sum + volume.bytes, 0);
  if (problems.length === 0 && Number.isSafeInteger(bytes) && bytes !== found) {
    problems.push(`volumes hold ${found} bytes where the manifest counts ${bytes}`);
  }
  return problems;
}
