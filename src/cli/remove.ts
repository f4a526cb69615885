/** Carries out a removal: the steps in order, a few deletions at a time within each. */
import type { Removable, RemovalStep } from '../catalog/removal.js';
import type { ObjectStore } from '../store.js';

/** Deletions at a time; they are B2's class A, free of charge. */
const AT_ONCE = 8;

export interface RemovalResult {
  deleted: number;
  bytes: number;
  /** What Object Lock protects, and what had to stay with it. */
  readonly left: { readonly object: Removable; readonly reason: string }[];
}

/**
 * @param onObject told of each object that is gone or has to stay
 * @throws the store's Failure. What was deleted until then is gone, in an order that leaves nothing that looks finished
 */
export async function remove(
  store: ObjectStore,
  steps: readonly RemovalStep[],
  onObject: () => void,
): Promise<RemovalResult> {
  const result: RemovalResult = { deleted: 0, bytes: 0, left: [] };
  for (const [at, step] of steps.entries()) {
    const queue = [...step.objects];
    const worker = async (): Promise<void> => {
      for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
        await removeOne(store, object, result);
        onObject();
      }
    };
    const settled = await Promise.allSettled(Array.from({ length: step.ordered ? 1 : AT_ONCE }, worker));
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
    if (step.required && result.left.length > 0) {
      for (const later of steps.slice(at + 1)) {
        for (const object of later.objects) result.left.push({ object, reason: 'its manifest is locked' });
      }
      break;
    }
  }
  return result;
}

function lockReason({ legalHold, lockedUntil }: Removable): string {
  if (legalHold) return 'locked until the hold is lifted (legal hold)';
  if (lockedUntil === undefined) return 'Object Lock';
  return `Object Lock until ${new Date(lockedUntil).toISOString().slice(0, 10)}`;
}

async function removeOne(store: ObjectStore, object: Removable, result: RemovalResult): Promise<void> {
  if (object.kind === 'start') {
    await store.cancelLarge(object.fileId);
  } else {
    if (object.kind === 'hide' && result.left.some((left) => left.object.name === object.name)) {
      result.left.push({ object, reason: 'hides a version that is locked' });
      return;
    }
    const outcome = await store.deleteVersion(object.name, object.fileId);
    if (outcome === 'locked') {
      result.left.push({ object, reason: lockReason(object) });
      return;
    }
    if (outcome === 'absent') return;
  }
  result.deleted += 1;
  result.bytes += object.bytes;
}
