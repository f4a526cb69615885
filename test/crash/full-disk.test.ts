/** The disk of the state directory fills up at every write in turn, half-way through it; then there is room again. */
import { test } from 'node:test';
import { countOperations, killAtAll } from './killing.js';
import { Material } from './material.js';
import { fullDiskPoints } from './points.js';

test('a full disk at every write: a clear failure, and the rerun goes on', async () => {
  const material = new Material();
  try {
    await killAtAll(material, fullDiskPoints(await countOperations(material)));
  } finally {
    material.remove();
  }
});
