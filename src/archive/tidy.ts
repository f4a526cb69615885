/** Removes what a complete archive still has to remove from the store. A run that was killed after its manifest left that undone. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveStem, type ArchiveName } from '../catalog/names.js';
import { readArchive } from '../catalog/read.js';
import { asFailure } from '../errors.js';
import type { Emit } from '../events.js';
import { Journal } from '../journal/journal.js';
import { journalPaths, loadJournal, type JournalPaths } from '../journal/load.js';
import { ArchiveLock, lockWorld } from '../journal/lock.js';
import { manifestOfRun } from '../journal/resume.js';
import type { JournalState } from '../journal/state.js';
import type { FileVersion, ObjectStore } from '../store.js';
import { deleteSuperseded, removeUnnamed } from './abandon.js';

export async function tidyAfter(
  store: ObjectStore,
  name: Pick<ArchiveName, 'prefix' | 'host' | 'number'>,
  { archive: { run, supersedes } }: JournalState,
  emit: Emit,
): Promise<void> {
  const stem = archiveStem(name);
  await deleteSuperseded(store, stem, supersedes, emit);
  const { prefix, host, number } = name;
  const options = { prefix, now: 0, isAlive: () => false, activeMs: 0 };
  const archive = await readArchive(store, host, number, options);
  if (archive?.run !== run || archive.manifest === undefined) return;
  const named = [archive.manifest, ...archive.volumes, ...archive.others];
  await removeUnnamed(store, stem, run, new Set(named.map(({ fileId }) => fileId)), emit);
}

export interface Predecessors {
  readonly directory: string;
  readonly host: string;
  /** This run's own number, which is skipped. */
  readonly number: number;
  readonly bucket: string;
  readonly store: ObjectStore;
  readonly now: Date;
  readonly emit: Emit;
}

/**
 * Does the same for earlier archives of the same host whose manifests are stored. Best effort: what cannot be removed is left for the next
 * run, or for `cleanup`.
 */
export async function tidyPredecessors(options: Predecessors): Promise<void> {
  const { directory, host, number, bucket, emit } = options;
  for (const name of await readdir(directory).catch(() => [])) {
    const rest = name.startsWith(`${host}.`) ? name.slice(host.length + 1) : '';
    const [, digits] = /^(\d+)\./.exec(rest) ?? [];
    if (digits === undefined || rest !== `${digits}.${bucket}.journal` || Number(digits) === number) continue;
    const paths = journalPaths(directory, { host, number: Number(digits), bucket });
    try {
      await tidyPredecessor(paths, options);
    } catch (error) {
      emit({ type: 'detail', message: `left ${join(directory, name)}: ${asFailure(error).message}` });
    }
  }
}

async function tidyPredecessor(paths: JournalPaths, { store, now, emit }: Predecessors): Promise<void> {
  const lock = await ArchiveLock.acquire(paths.lock, paths.journal, await lockWorld());
  try {
    const loaded = await loadJournal(paths, now);
    if (loaded.kind !== 'found') return;
    const { state } = loaded.journal;
    const { host, number, options } = state.archive;
    const archiveName = { prefix: String(options['prefix'] ?? ''), host, number };
    const versions: FileVersion[] = [];
    for await (const version of store.listVersions(archiveStem(archiveName))) versions.push(version);
    if (manifestOfRun(state, versions) === undefined) return;
    emit({
      type: 'notice',
      message: `${host} #${number} was finished by a run that was stopped before it had tidied up: doing that now`,
    });
    await tidyAfter(store, archiveName, state, emit);
    await (await Journal.resume(paths, loaded.journal)).remove();
  } finally {
    await lock.release();
  }
}
