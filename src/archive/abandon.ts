/** Removes from the store what is no longer needed. Best effort: what stays only costs storage until `cleanup` removes it. */
import { INFO } from '../catalog/names.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { AbandonedUpload } from '../journal/resume.js';
import type { VolumeState } from '../journal/state.js';
import type { FileVersion, ObjectStore } from '../store.js';

/** Gives up this start of a volume: first forgets its keys, then cancels or deletes what the store has of it. */
export async function discardVolume(
  store: ObjectStore,
  journal: Journal,
  volume: VolumeState,
  reason: string,
  emit: Emit,
): Promise<void> {
  const { name, fileId, plain, finished } = volume;
  await journal.abandonVolume(volume.volume, reason);
  if (fileId === null) return;
  await bestEffort(name, emit, () =>
    plain || finished ? deleteOrTell(store, { fileName: name, fileId }, emit) : store.cancelLarge(fileId),
  );
}

/** Cancels an unfinished large file that no volume continues. */
export async function cancelUpload(
  store: ObjectStore,
  { fileId, fileName, reason }: AbandonedUpload,
  emit: Emit,
): Promise<void> {
  emit({ type: 'detail', message: `cancelling unfinished ${fileName}: ${reason}` });
  await bestEffort(fileName, emit, () => store.cancelLarge(fileId));
}

/** Deletes what is left of runs that this archive replaces. */
export async function deleteSuperseded(
  store: ObjectStore,
  namePrefix: string,
  runs: readonly string[],
  emit: Emit,
): Promise<void> {
  if (runs.length === 0) return;
  await bestEffort(namePrefix, emit, async () => {
    for await (const { action, fileName, fileId, fileInfo } of store.listVersions(namePrefix)) {
      const run = fileInfo[INFO.run];
      if (run === undefined || !runs.includes(run)) continue;
      if (action === 'upload') await deleteOrTell(store, { fileName, fileId }, emit);
      else if (action === 'start') await store.cancelLarge(fileId);
    }
  });
}

/**
 * Removes objects of this run that its manifest does not name. An upload or start whose answer was lost, or that arrived after the process
 * was killed or a reading was aborted, leaves a second version, an unfinished file, or a file that nobody knows of.
 */
export async function removeUnnamed(
  store: ObjectStore,
  namePrefix: string,
  run: string,
  named: ReadonlySet<string>,
  emit: Emit,
): Promise<void> {
  await bestEffort(namePrefix, emit, async () => {
    for await (const { action, fileName, fileId, fileInfo } of store.listVersions(namePrefix)) {
      if (fileInfo[INFO.run] !== run || named.has(fileId)) continue;
      if (action === 'upload') await deleteOrTell(store, { fileName, fileId }, emit);
      else if (action === 'start') await store.cancelLarge(fileId);
    }
  });
}

export async function deleteOrTell(
  store: ObjectStore,
  { fileName, fileId }: Pick<FileVersion, 'fileName' | 'fileId'>,
  emit: Emit,
): Promise<void> {
  if ((await store.deleteVersion(fileName, fileId)) === 'locked') {
    emit({
      type: 'warning',
      message: `${fileName}: Object Lock holds what is of no use any more (${fileId}); 'backuppc-b2 cleanup' removes it once it may`,
    });
  }
}

async function bestEffort(name: string, emit: Emit, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    emit({
      type: 'warning',
      message: `${name}: could not be removed from B2 (${why}); 'backuppc-b2 cleanup' will`,
    });
  }
}
