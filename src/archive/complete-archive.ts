/** A complete archive of the same host and number, which an incomplete one must not replace. */
import type { Archive } from '../catalog/archive.js';
import { archiveAmong, withManifestsOf } from '../catalog/read.js';
import { Failure, oneLine } from '../errors.js';
import type { CompleteKept } from './interruption.js';
import { provenAmong, versionsUnder, type ProvenQuery } from './proven-archive.js';

/**
 * The archive that another run finished, with all of its volumes; undefined if there is none. In doubt there is one: it is one by the listing,
 * or by its proven manifest, whatever somebody's file info says of it.
 */
export async function completeArchive(
  query: Omit<ProvenQuery, 'assembling'>,
  ownRun: string,
  now: number,
): Promise<Archive | undefined> {
  const { store, name } = query;
  const assembling = { prefix: name.prefix, now, isAlive: () => false, activeMs: 0 };
  const isComplete = (archive: Archive | undefined): boolean =>
    archive?.state === 'finished' && archive.run !== ownRun;
  const versions = await versionsUnder(query);
  const listed = await archiveAmong(versions, name, withManifestsOf(store, assembling));
  if (isComplete(listed)) return listed;
  const proven = await provenAmong(versions, { ...query, assembling });
  return isComplete(proven) ? proven : undefined;
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
