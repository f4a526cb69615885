/**
 * The order in which an archive's objects are deleted, so that a removal that is interrupted at any point leaves nothing that wrongly looks
 * finished. Pure.
 *
 * 1. Manifests, oldest first: the older manifest of another run must not become the visible one when a newer goes.
 * 2. Everything else, in any order: without a manifest the rest is an unfinished archive, whatever is left of it.
 * 3. Hide markers: deleting one brings the version below it back, so there must be none below.
 */
import type { Archive, StoredObject } from './archive.js';

export interface Removable extends StoredObject {
  readonly kind: 'upload' | 'start' | 'hide';
}

/** Steps, one after the other; the objects of one step in the order given when `ordered`, else at the same time. */
export interface RemovalStep {
  readonly objects: readonly Removable[];
  readonly ordered: boolean;
  /** Whether later steps must not happen when an object of this one cannot be deleted (Object Lock). */
  readonly required: boolean;
}

/**
 * Keeps objects of a run that is still going. Of an archive known by its names alone, only the set itself and its older versions are
 * deleted, not what was started or hidden under its names: nobody knows who did that.
 */
export function removalSteps(archive: Archive): RemovalStep[] {
  const objects = [...(archive.manifest ? [archive.manifest] : []), ...archive.volumes, ...archive.others];
  const own: Removable[] = objects.map((object) => ({ ...object, kind: 'upload' }));
  if (archive.proof === 'name')
    return stepsOf([...own, ...archive.leftovers.filter(({ kind }) => kind === 'upload')]);
  const rest = [...archive.unfinished, ...archive.leftovers].filter(({ alive }) => !alive);
  return stepsOf([...own, ...rest]);
}

export function objectsIn(steps: readonly RemovalStep[]): number {
  return steps.reduce((sum, { objects }) => sum + objects.length, 0);
}

export function stepsOf(objects: readonly Removable[]): RemovalStep[] {
  const isManifest = ({ name, kind }: Removable): boolean =>
    kind === 'upload' && name.endsWith('.tar.COMPLETE');
  const manifests = objects.filter(isManifest).toSorted((a, b) => a.uploadedAt - b.uploadedAt);
  const markers = objects.filter(({ kind }) => kind === 'hide');
  const others = objects.filter((object) => object.kind !== 'hide' && !isManifest(object));
  return [
    { objects: manifests, ordered: true, required: true },
    { objects: others, ordered: false, required: false },
    { objects: markers, ordered: true, required: false },
  ].filter((step) => step.objects.length > 0);
}
