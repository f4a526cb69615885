/** Archives out of a listing: one at a time, so that ten thousand archives need the memory of one. */
import { Failure } from '../errors.js';
import type { FileVersion, ObjectStore } from '../store.js';
import type { Archive } from './archive.js';
import { assemble, ownerOf, type AssembleOptions } from './assemble.js';
import { parseManifest, type Manifest } from './manifest.js';
import { archiveStem } from './names.js';

/** Most bytes a manifest may have: that of 10,000 volumes of 100 parts has under 60 MB. */
const MANIFEST_LIMIT_BYTES = 128 * 1024 * 1024;

/**
 * Groups versions, which come in the order of their names. All names of one archive begin with its stem, so they come together.
 * @param foreign called with each version that is not of an archive
 */
export async function* groupArchives(
  versions: AsyncIterable<FileVersion> | Iterable<FileVersion>,
  options: AssembleOptions,
  foreign: (version: FileVersion) => void = () => undefined,
): AsyncIterable<Archive> {
  let owner: { host: string; number: number } | undefined;
  let group: FileVersion[] = [];
  for await (const version of versions) {
    // A hide marker carries no file info: it belongs to the archive whose stem it has.
    const next = ownerOf(version, options.prefix);
    if (next === undefined) {
      foreign(version);
      continue;
    }
    if (owner !== undefined && (owner.host !== next.host || owner.number !== next.number)) {
      const archive = assemble(owner, group, options);
      if (archive !== undefined) yield archive;
      group = [];
    }
    owner = next;
    group.push(version);
  }
  const archive = owner && assemble(owner, group, options);
  if (archive !== undefined) yield archive;
}

export function readArchives(
  store: ObjectStore,
  options: AssembleOptions,
  host?: string,
  foreign?: (version: FileVersion) => void,
): AsyncIterable<Archive> {
  const prefix = host === undefined ? options.prefix : `${options.prefix}${host}.`;
  const archives = groupArchives(store.listVersions(prefix), options, foreign);
  return host === undefined ? archives : onlyHost(archives, host);
}

/** `web.` is also how the names of host `web.example` begin. */
async function* onlyHost(archives: AsyncIterable<Archive>, host: string): AsyncIterable<Archive> {
  for await (const archive of archives) if (archive.host === host) yield archive;
}

/** One archive, by one narrow listing. */
export async function readArchive(
  store: ObjectStore,
  host: string,
  number: number,
  options: AssembleOptions,
): Promise<Archive | undefined> {
  const stem = archiveStem({ prefix: options.prefix, host, number });
  for await (const archive of groupArchives(store.listVersions(stem), options)) {
    if (archive.host === host && archive.number === number) return archive;
  }
  return undefined;
}

/**
 * The archive's manifest; undefined for archives of the older Python scripts, whose `COMPLETE` is a line of text.
 * @throws Failure `damaged` when it is no manifest, or that of another archive
 */
export async function readManifest(
  store: ObjectStore,
  archive: Archive,
  signal?: AbortSignal,
): Promise<Manifest | undefined> {
  const { manifest } = archive;
  if (manifest === undefined || archive.legacy) return undefined;
  if (manifest.bytes > MANIFEST_LIMIT_BYTES) {
    throw new Failure('damaged', `${manifest.name} has ${manifest.bytes} bytes: not a manifest`);
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of store.download(manifest.fileId, { from: 0, to: manifest.bytes }, signal))
    pieces.push(piece);
  const read = parseManifest(Buffer.concat(pieces).toString('utf8'), manifest.name);
  if (read.host !== archive.host || read.number !== archive.number || read.run !== archive.run) {
    throw new Failure(
      'damaged',
      `${manifest.name} is the manifest of ${read.host} #${read.number}, run ${read.run}`,
    );
  }
  return read;
}
