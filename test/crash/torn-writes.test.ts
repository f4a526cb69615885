/** Killed within every write to the state directory, and with the power lost before every sync. */
import { test } from 'node:test';
import { countOperations, killAtAll } from './killing.js';
import { Material } from './material.js';
import { filePoints } from './points.js';

test('every write torn, every unsynced write lost, run again', async () => {
  const material = new Material();
  try {
    const points = filePoints(await countOperations(material));
    await killAtAll(
      material,
      points.filter(
        (point) => point.kind === 'file' && (point.torn !== undefined || point.power !== undefined),
      ),
    );
  } finally {
    material.remove();
  }
});
