/** Killed before every operation on the state directory: so after every record, and between any two of them. */
import { test } from 'node:test';
import { countOperations, killAtAll } from './killing.js';
import { Material } from './material.js';
import { filePoints } from './points.js';

test('killed before every file operation, run again', async () => {
  const material = new Material();
  try {
    const points = filePoints(await countOperations(material));
    await killAtAll(
      material,
      points.filter(
        (point) => point.kind === 'file' && point.torn === undefined && point.power === undefined,
      ),
    );
  } finally {
    material.remove();
  }
});
