/** Assembles archives from a listing, one at a time, so that ten thousand archives need the memory of one. */
import { Failure } from '../errors.js';
import type { FileVersion, ObjectStore } from '../store.js';
import type { Archive } from './archive.js';
import { assemble, type Adopt, type AssembleOptions } from './assemble.js';
import {
  MANIFEST_LIMIT_BYTES,
  parsePlainManifest,
  plainManifestText,
  type PlainManifest,
} from './manifest.js';
import { archiveStem } from './names.js';
import { isOfAnotherPrefix, namedOwner, ownerOf, type Foreign, type Owner } from './ownership.js';
import { Search } from './search.js';

/** Every manifest is longer; the older scripts' one-line COMPLETE is shorter. */
const LEAST_MANIFEST_BYTES = 300;

export interface CatalogOptions extends AssembleOptions {
  /** Take whole names for archives of the older Python scripts. Only on the owner's word: anybody's names may have that shape. */
  readonly legacy?: boolean | undefined;
  /** Called for each version that is not provably ours. */
  readonly foreign?: ((found: Foreign) => void) | undefined;
  /** How much may be looked at in vain. Default: its own. */
  readonly search?: Search | undefined;
  /** The manifest that an object without file info holds, if it holds one. */
  readonly manifestIn?: ((version: FileVersion) => Promise<PlainManifest | undefined>) | undefined;
}

/** Versions under one archive's stem, in the order of the listing. */
export interface Group {
  readonly owner: Owner;
  readonly stem: string;
  readonly versions: FileVersion[];
}

/** Archives out of versions, which come in the order of their names. All names of one archive begin with its stem, so they come together. */
export async function* groupArchives(
  versions: AsyncIterable<FileVersion> | Iterable<FileVersion>,
  options: CatalogOptions,
): AsyncIterable<Archive> {
  for await (const group of groups(versions, options)) yield* archiveIn(group, options);
}

export async function* groups(
  versions: AsyncIterable<FileVersion> | Iterable<FileVersion>,
  options: Pick<CatalogOptions, 'prefix' | 'foreign'>,
): AsyncIterable<Group> {
  // More than one only if one stem begins with another: `a.1.tar` and `a.1.tar.2.tar`.
  const open: Group[] = [];
  for await (const version of versions) {
    while (open.length > 0 && !version.fileName.startsWith(open.at(-1)?.stem ?? '')) yield* closed(open);
    const { prefix } = options;
    const named = isOfAnotherPrefix(version, prefix) ? undefined : namedOwner(version.fileName, prefix);
    const owner = ownerOf(version, prefix) ?? named;
    if (owner === undefined) {
      options.foreign?.({ version, named: undefined });
      continue;
    }
    const { host, number } = owner;
    let group = open.find((one) => one.owner.host === host && one.owner.number === number);
    if (group === undefined) {
      const stem = archiveStem({ prefix: options.prefix, host, number });
      open.push((group = { owner: { host, number }, stem, versions: [] }));
    }
    group.versions.push(version);
  }
  while (open.length > 0) yield* closed(open);
}

function* closed(open: Group[]): Iterable<Group> {
  const group = open.pop();
  if (group !== undefined) yield group;
}

export async function* archiveIn(group: Group, options: CatalogOptions): AsyncIterable<Archive> {
  const { owner, versions } = group;
  const ours = versions.some((version) => ownerOf(version, options.prefix) !== undefined);
  const manifests = await manifestsIn(group, options);
  const adopt: Adopt =
    ours || manifests.size > 0 || options.legacy !== true
      ? { kind: 'manifests', manifests }
      : { kind: 'names' };
  const { archive, foreign } = assemble(owner, versions, options, adopt);
  if (archive !== undefined) yield archive;
  for (const version of foreign) options.foreign?.({ version, named: owner });
}

/** So many versions of COMPLETE without file info are looked at, lest somebody keep us busy with theirs. */
const MOST_COPIES = 16;

/** A client that copies without file info makes an archive's objects look like anybody's. Its manifest can still be read. */
async function manifestsIn(
  { owner, stem, versions }: Group,
  { prefix, manifestIn }: CatalogOptions,
): Promise<Map<string, PlainManifest>> {
  const found = new Map<string, PlainManifest>();
  if (manifestIn === undefined) return found;
  let looked = 0;
  for (const version of versions) {
    const { action, fileName, fileId, contentLength } = version;
    if (action !== 'upload' || fileName !== `${stem}.COMPLETE` || ownerOf(version, prefix) !== undefined)
      continue;
    if (contentLength < LEAST_MANIFEST_BYTES || contentLength > MANIFEST_LIMIT_BYTES) continue;
    if (looked++ === MOST_COPIES) break;
    const manifest = await manifestIn(version);
    if (manifest?.host === owner.host && manifest.number === owner.number) found.set(fileId, manifest);
  }
  return found;
}

export function readArchives(
  store: ObjectStore,
  options: CatalogOptions,
  host?: string,
): AsyncIterable<Archive> {
  const prefix = host === undefined ? options.prefix : `${options.prefix}${host}.`;
  const archives = groupArchives(store.listVersions(prefix), withManifestsOf(store, options));
  return host === undefined ? archives : onlyHost(archives, host);
}

export function withManifestsOf(store: ObjectStore, options: CatalogOptions): CatalogOptions {
  const { search = new Search() } = options;
  const manifestOf = async (
    from: Pick<ObjectStore, 'download'>,
    version: FileVersion,
  ): Promise<PlainManifest | undefined> => {
    try {
      return await downloadManifest(from, version);
    } catch (error) {
      // Not a manifest, or not readable with this key: then it proves nothing.
      if (error instanceof Failure && (error.kind === 'damaged' || error.kind === 'denied')) return undefined;
      throw error;
    }
  };
  // Whatever it says, nothing vouches for it.
  const isInVain = (): boolean => true;
  return {
    ...options,
    search,
    manifestIn: (version) => search.look(store, (from) => manifestOf(from, version), isInVain),
  };
}

/** `web.` is also how the names of host `web.example` begin. */
export async function* onlyHost<T extends { readonly host: string }>(
  archives: AsyncIterable<T>,
  host: string,
): AsyncIterable<T> {
  for await (const archive of archives) if (archive.host === host) yield archive;
}

/** One archive, by one narrow listing. @returns undefined where nothing under its stem is provably an archive's */
export async function readArchive(
  store: ObjectStore,
  host: string,
  number: number,
  options: CatalogOptions,
): Promise<Archive | undefined> {
  const stem = archiveStem({ prefix: options.prefix, host, number });
  return archiveAmong(store.listVersions(stem), { host, number }, withManifestsOf(store, options));
}

/** One archive out of the versions under its stem. */
export async function archiveAmong(
  versions: AsyncIterable<FileVersion> | Iterable<FileVersion>,
  { host, number }: Owner,
  options: CatalogOptions,
): Promise<Archive | undefined> {
  for await (const archive of groupArchives(versions, options))
    if (archive.host === host && archive.number === number) return archive;
  return undefined;
}

/** @throws Failure `damaged` when the object holds no manifest */
export async function downloadManifest(
  store: Pick<ObjectStore, 'download'>,
  version: Pick<FileVersion, 'fileId' | 'fileName' | 'contentLength'>,
  signal?: AbortSignal,
): Promise<PlainManifest> {
  const { fileName } = version;
  const stored = await downloadWhole(store, version, signal);
  return parsePlainManifest(await plainManifestText(stored, fileName), fileName);
}

/** A manifest, sealed or plain, or its signature, as it is stored. @throws Failure `damaged` when it is too large for one */
export async function downloadWhole(
  store: Pick<ObjectStore, 'download'>,
  { fileId, fileName, contentLength }: Pick<FileVersion, 'fileId' | 'fileName' | 'contentLength'>,
  signal?: AbortSignal,
): Promise<Buffer> {
  if (contentLength > MANIFEST_LIMIT_BYTES)
    throw new Failure('damaged', `${fileName} has ${contentLength} bytes: not a manifest`);
  const pieces: Uint8Array[] = [];
  for await (const piece of store.download(fileId, { from: 0, to: contentLength }, signal))
    pieces.push(piece);
  return Buffer.concat(pieces);
}
