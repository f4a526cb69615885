import type { ObjectStore } from '../store.js';
import { archiveStem, type ArchiveName } from './names.js';
import { namedOwner, ownerOf } from './ownership.js';

/**
 * Hosts whose objects have names that begin as those of this archive do: the archives of `web.1.tar.x` lie behind the name of `web` #1.
 * B2 authorizes downloads by the beginning of names, so a token for the one opens the others.
 */
export async function namesakes(
  store: Pick<ObjectStore, 'listVersions'>,
  { prefix, host, number }: Pick<ArchiveName, 'prefix' | 'host' | 'number'>,
): Promise<string[]> {
  const others = new Set<string>();
  for await (const version of store.listVersions(archiveStem({ prefix, host, number }))) {
    const owner = ownerOf(version, prefix) ?? namedOwner(version.fileName, prefix);
    if (owner !== undefined && owner.host !== host) others.add(owner.host);
  }
  return [...others].sort();
}
