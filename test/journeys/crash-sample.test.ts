/** A bounded sample of `npm run test:crash`: killed at a few telling moments, run again, whole. */
import { test } from 'node:test';
import { seededRandom } from '../support/b2-server/random.js';
import { countOperations, killAtAll } from '../crash/killing.js';
import { Material } from '../crash/material.js';
import { filePoints, sentPoints } from '../crash/points.js';

const FILE_POINTS = 4;
const SENT_POINTS = 2;

test('killed at a sample of moments, run again: the tar comes back, nothing is sent twice, no nonce carries two plaintexts', async () => {
  const material = new Material();
  try {
    const counted = await countOperations(material);
    const all = filePoints(counted);
    // Other ones at every run: over time they are all of them.
    const files = Array.from(
      { length: FILE_POINTS },
      () => all[Math.floor(Math.random() * all.length)] ?? ({ kind: 'file', nth: 1 } as const),
    );
    await killAtAll(material, [...files, ...sentPoints(counted, SENT_POINTS, seededRandom(3))]);
  } finally {
    material.remove();
  }
});
