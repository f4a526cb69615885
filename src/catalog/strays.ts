/** What interrupted and superseded runs of this program left in the bucket, and archives that another tool has deleted. Pure. */
import { isHiddenWhole, isUnderWay, type Archive, type Leftover } from './archive.js';
import { removalSteps, type Removable } from './removal.js';

export interface Stray {
  readonly host: string;
  readonly number: number;
  readonly run: string;
  /** Why it is stray, for the operator. */
  readonly reason: string;
  readonly objects: readonly Removable[];
  readonly bytes: number;
  /** Last sign of life of the run, ms since 1970 UTC. */
  readonly lastActivityAt: number;
}

/**
 * Runs without a manifest, unfinished large files and superseded runs, each as a whole: a run is stray only when its newest object is older
 * than `olderThanMs`, so that a slow upload elsewhere is safe. Objects without our file info (older Python scripts, other programs), those of
 * a live journal and those that another installation finished are never stray. An archive with only some objects hidden is good; one that is
 * hidden entirely was deleted by a tool that hides.
 */
export function straysOf(archive: Archive, now: number, olderThanMs: number): Stray[] {
  if (archive.proof !== 'file-info') return [];
  if (isHiddenWhole(archive)) return hiddenWhole(archive, now, olderThanMs);
  const runs = new Map<string, { objects: Removable[]; last: number; alive: boolean; reason: string }>();
  const runOf = (run: string, reason: string): { objects: Removable[]; last: number; alive: boolean } => {
    const known = runs.get(run) ?? { objects: [], last: 0, alive: false, reason };
    runs.set(run, known);
    return known;
  };
  if (isUnderWay(archive.state)) {
    const own = runOf(archive.run, 'not finished, no manifest');
    for (const object of [...archive.volumes, ...archive.others])
      own.objects.push({ ...object, kind: 'upload' });
    own.last = archive.lastActivityAt;
    own.alive = archive.state === 'running';
  }
  for (const leftover of [...archive.unfinished, ...archive.leftovers]) {
    if (leftover.run === '' || isAnothersArchive(leftover, archive)) continue;
    const reason = leftover.run === archive.run ? leftover.reason : 'superseded by another run';
    const run = runOf(leftover.run, reason);
    run.objects.push(leftover);
    run.last = Math.max(run.last, leftover.uploadedAt);
    run.alive ||= leftover.alive;
  }
  return [...runs].flatMap(([run, { objects, last, alive, reason }]) => {
    if (alive || objects.length === 0 || now - last <= olderThanMs) return [];
    const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
    return [
      { host: archive.host, number: archive.number, run, reason, objects, bytes, lastActivityAt: last },
    ];
  });
}

/** An archive that another installation has finished is not superseded by one of the same name: it is somebody's backup. */
function isAnothersArchive({ run, maker, ofFinished }: Leftover, archive: Archive): boolean {
  return run !== archive.run && ofFinished && maker !== archive.maker;
}

function hiddenWhole(archive: Archive, now: number, olderThanMs: number): Stray[] {
  const { host, number, run, lastActivityAt } = archive;
  const goesOn =
    archive.rerunning || [...archive.unfinished, ...archive.leftovers].some(({ alive }) => alive);
  if (goesOn || now - lastActivityAt <= olderThanMs) return [];
  const objects = removalSteps(archive).flatMap((step) => step.objects);
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
  return [
    { host, number, run, reason: 'all of it was hidden by another tool', objects, bytes, lastActivityAt },
  ];
}
