/**
 * Archives out of a listing that folds volumes cut by content into one row: a thousand archives of 20,000 volumes are a handful of calls. What
 * the manifest's file info says of the volumes is believed; `verify` looks whether they are there.
 */
import type { FileVersion, ObjectStore } from '../store.js';
import type { Archive, ListedArchive } from './archive.js';
import { summaryOfInfo, type ManifestSummary } from './archive-state.js';
import { INFO } from './names.js';
import { ownerOf } from './ownership.js';
import { archiveIn, groups, onlyHost, readArchive, withManifestsOf, type CatalogOptions } from './read.js';

export function readFolded(
  store: ObjectStore,
  options: CatalogOptions,
  host?: string,
): AsyncIterable<ListedArchive> {
  const prefix = host === undefined ? options.prefix : `${options.prefix}${host}.`;
  const archives = foldedArchives(store, withManifestsOf(store, options), prefix);
  return host === undefined ? archives : onlyHost(archives, host);
}

async function* foldedArchives(
  store: ObjectStore,
  options: CatalogOptions,
  prefix: string,
): AsyncIterable<ListedArchive> {
  const versions = store.listVersions(prefix, { delimiter: '/' });
  for await (const group of groups(versions, options)) {
    const { owner } = group;
    const rest = group.versions.filter(({ action }) => action !== 'folder');
    const said = rest.length < group.versions.length ? saidOfVolumes(rest, options.prefix) : undefined;
    if (rest.length === group.versions.length) {
      for await (const archive of archiveIn(group, options)) yield counted(archive);
    } else if (said === undefined) {
      const archive = await readArchive(store, owner.host, owner.number, options);
      if (archive !== undefined) yield counted(archive);
    } else {
      for await (const archive of archiveIn({ ...group, versions: rest }, { ...options, folded: true }))
        yield { ...archive, volumes: said.volumes ?? 0 };
    }
  }
}

/** What the newest manifest says, if it is one of ours that tells all of its volumes. */
function saidOfVolumes(versions: readonly FileVersion[], prefix: string): ManifestSummary | undefined {
  const newest = versions.find(({ fileName }) => fileName.endsWith('.tar.COMPLETE'));
  if (newest?.action !== 'upload' || ownerOf(newest, prefix) === undefined) return undefined;
  if (newest.fileInfo[INFO.copied] === undefined) return undefined;
  const said = summaryOfInfo(newest.fileInfo);
  return said.volumes === undefined || said.bytes === undefined ? undefined : said;
}

function counted(archive: Archive): ListedArchive {
  return { ...archive, volumes: archive.volumes.length };
}
