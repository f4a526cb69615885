/**
 * Lists the volumes again before the manifest vouches for them. One may have been deleted while the archive ran: by a clean-up elsewhere
 * that took this run for dead, by a lifecycle rule, or by a person.
 */
import { archiveStem, type ArchiveName } from '../catalog/names.js';
import { Failure } from '../errors.js';
import type { Emit } from '../events.js';
import type { JournalState, VolumeState } from '../journal/state.js';
import type { ObjectStore } from '../store.js';

/** @returns finished volumes that the store no longer has; none if the key may not list */
export async function lostVolumes(
  store: ObjectStore,
  name: ArchiveName,
  state: JournalState,
  emit: Emit,
): Promise<VolumeState[]> {
  const there = new Set<string>();
  try {
    for await (const { action, fileId } of store.listVersions(archiveStem(name)))
      if (action === 'upload') there.add(fileId);
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'denied')) throw error;
    emit({ type: 'detail', message: `volumes not listed again before the manifest: ${error.message}` });
    return [];
  }
  return [...state.volumes.values()].filter(
    ({ finished, fileId }) => finished && fileId !== null && !there.has(fileId),
  );
}
