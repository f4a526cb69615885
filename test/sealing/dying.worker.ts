/** A worker that dies as the digest key tells it to; otherwise the real one. */
import process from 'node:process';
import type { TaskOutcome, Task } from '../../src/sealing/tasks.js';
import work from '../../workers/seal.worker.js';

export const DEATHS = { exit: 1, throw: 2, heap: 3, hang: 4 } as const;

export default async function dying(task: Task): Promise<TaskOutcome<unknown>> {
  const death = task.kind === 'seal' ? task.digestKey?.[0] : undefined;
  if (death === DEATHS.exit) process.exit(3);
  if (death === DEATHS.throw) throw new TypeError('a defect');
  if (death === DEATHS.heap) {
    const hoard: unknown[] = [];
    for (;;) hoard.push({ more: [hoard.length] });
  }
  if (death === DEATHS.hang) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return Promise.resolve(work(task));
}
