import type { ObjectStore } from '../store.js';
import { archiveStem, type ArchiveName } from './names.js';
import { namedOwner, ownerOf } from './ownership.js';

/**
 * Hosts whose object names begin like those of this archive: names of the host `web.1.tar.x` begin with that of `web` #1. B2 authorizes
 * downloads by name prefix, so a token for the one opens the others.
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
