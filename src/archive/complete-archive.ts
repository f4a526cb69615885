/** A complete archive of the same host and number, which an incomplete one must not replace. */
import type { Archive } from '../catalog/archive.js';
import { readArchive } from '../catalog/read.js';
import type { ArchiveName } from '../catalog/names.js';
import { Failure, oneLine } from '../errors.js';
import type { ObjectStore } from '../store.js';
import type { CompleteKept } from './interruption.js';

/** The archive that another run finished, with all of its volumes; undefined if there is none. */
export async function completeArchive(
  store: ObjectStore,
  name: ArchiveName,
  ownRun: string,
  now: number,
): Promise<Archive | undefined> {
  const { prefix, host, number } = name;
  const options = { prefix, now, isAlive: () => false, activeMs: 0 };
  const best = await readArchive(store, host, number, options);
  return best?.state === 'finished' && best.run !== ownRun ? best : undefined;
}

export function completeKept(
  reasons: readonly string[],
  { host, number, finishedAt }: Archive,
): CompleteKept {
  const since = finishedAt === undefined ? '' : ` of ${new Date(finishedAt).toISOString().slice(0, 10)}`;
  const failure = new Failure(
    'partial',
    oneLine(
      `incomplete, not stored: ${reasons.join('; ')}; the complete archive of ${host} #${number}${since} stays`,
    ),
    {
      hint: `to replace it with the incomplete one: backuppc-b2 delete --host ${host} --number ${number}, then archive again`,
    },
  );
  return { kind: 'complete-kept', failure };
}
