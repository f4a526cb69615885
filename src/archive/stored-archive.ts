/** Asks the store what already exists for this host and number, and what that means for the run. */
import { ACTIVE_MS, type Archive } from '../catalog/archive.js';
import type { HashedObject, Manifest } from '../catalog/manifest.js';
import type { ArchiveName } from '../catalog/names.js';
import { downloadManifest } from '../catalog/read.js';
import type { Clock } from '../clock.js';
import type { Emit } from '../events.js';
import { asFailure, Failure } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { FileVersion, ObjectStore } from '../store.js';
import { provenArchive, type StoredJudge } from './proven-archive.js';
import { storedBefore, type AgainFacts, type StoredBefore } from './stored-before.js';
import { storedManifest } from './stored-manifest.js';

export type StoredCheck = Exclude<StoredBefore, { kind: 'refused' }>;

/** @throws Failure `config` where what is stored under this name is not ours to replace */
export async function checkStored(
  store: ObjectStore,
  name: ArchiveName,
  { clock, judge, emit }: { clock: Clock; judge: StoredJudge; emit: Emit },
  facts: AgainFacts,
): Promise<StoredCheck> {
  const now = store.serverNow() ?? clock.now();
  const assembling = { prefix: name.prefix, now, isAlive: () => false, activeMs: ACTIVE_MS };
  let archive: Archive | undefined;
  try {
    archive = await provenArchive({ store, name, assembling, judge, maker: facts.maker, emit });
  } catch (error) {
    // A key that may only write cannot look.
    if (asFailure(error).kind !== 'denied') throw error;
  }
  const before = storedBefore(archive, facts);
  if (before.kind === 'refused') throw new Failure('config', before.message, { hint: before.hint });
  return before;
}

export interface StoredArchive {
  readonly manifest: Pick<FileVersion, 'fileId' | 'fileName' | 'contentLength'>;
  /** Leftovers of the run that made it, which that run could not remove. */
  readonly journal: Journal | undefined;
}

/** The content of COMPLETE; undefined if the key may not read it. The listing alone shows that it is finished. @throws Failure */
export async function readStored(
  store: ObjectStore,
  { manifest, journal }: StoredArchive,
): Promise<{ manifest: Manifest | undefined; complete: HashedObject | undefined }> {
  try {
    if (journal !== undefined) return await storedManifest(store, manifest, journal.state);
    return { manifest: await downloadManifest(store, manifest), complete: undefined };
  } catch (error) {
    if (asFailure(error).kind !== 'denied') throw error;
    return { manifest: undefined, complete: undefined };
  }
}
