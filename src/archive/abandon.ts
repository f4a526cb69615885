/** What is of no use any more goes from the store, best effort: what stays costs storage until `cleanup` takes it away, and nothing else. */
import { INFO } from '../catalog/names.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { AbandonedUpload } from '../journal/resume.js';
import type { VolumeState } from '../journal/state.js';
import type { FileVersion, ObjectStore } from '../store.js';

/** This start of a volume is over: its keys are forgotten first, then what the store has of it is cancelled or deleted. */
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

/** Cancel an unfinished large file that no volume goes on with. */
export async function cancelUpload(
  store: ObjectStore,
  { fileId, fileName, reason }: AbandonedUpload,
  emit: Emit,
): Promise<void> {
  emit({ type: 'detail', message: `cancelling unfinished ${fileName}: ${reason}` });
  await bestEffort(fileName, emit, () => store.cancelLarge(fileId));
}

/** What is left of runs that this archive replaces. */
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
 * Objects of this very run that its manifest does not name: an upload or a start whose answer was lost, or that arrived after the process
 * was killed or the reading broken off, leaves a second version, an unfinished file, or one that nobody knows of.
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
