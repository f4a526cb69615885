import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { VolumeState } from '../journal/state.js';
import type { ObjectStore } from '../storage/store.js';

/** This start of a volume is over: its keys are forgotten first, then what the store has of it is cancelled or deleted. */
export async function giveUpVolume(store: ObjectStore, journal: Journal, volume: VolumeState, reason: string, emit: Emit): Promise<void> {
  const { name, fileId, plain, finished } = volume;
  await journal.abandonVolume(volume.volume, reason);
  if (fileId === null) return;
  try {
    if (plain || finished) await store.deleteVersion(name, fileId);
    else await store.cancelLarge(fileId);
  } catch (error) {
    // It costs storage until `cleanup` takes it away, and nothing else.
    const why = error instanceof Error ? error.message : String(error);
    emit({ type: 'warning', message: `${name}: could not be removed from B2 (${why}); 'backuppc-b2 cleanup' will` });
  }
}
