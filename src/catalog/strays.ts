/** What interrupted and superseded runs of this program left in the bucket. Pure. */
import type { Archive } from './archive.js';
import type { Removable } from './removal.js';

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
 * Runs without a manifest, unfinished large files and superseded runs, each whole or not at all: a run is stray only when its newest
 * object is older than `olderThanMs`, so that a slow upload that goes on elsewhere is safe. What has no file info of ours (the older
 * Python scripts, other programs) and what a live journal owns is never stray.
 */
export function straysOf(archive: Archive, now: number, olderThanMs: number): Stray[] {
  const runs = new Map<string, { objects: Removable[]; last: number; alive: boolean; reason: string }>();
  const runOf = (run: string, reason: string): { objects: Removable[]; last: number; alive: boolean } => {
    const known = runs.get(run) ?? { objects: [], last: 0, alive: false, reason };
    runs.set(run, known);
    return known;
  };
  if (archive.run !== '' && archive.manifest === undefined) {
    const own = runOf(archive.run, 'not finished, no manifest');
    own.objects.push(...archive.volumes.map((volume) => ({ ...volume, kind: 'upload' as const })));
    own.last = archive.lastActivityAt;
    own.alive = archive.state === 'running';
  }
  for (const leftover of [...archive.unfinished, ...archive.leftovers]) {
    if (leftover.run === '') continue;
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
