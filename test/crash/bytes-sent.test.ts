/** Killed along the bytes of the upload, and again and again. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seededRandom } from '../support/b2-server/random.js';
import { CrashSite } from './crash-site.js';
import type { Counted, CrashPoint } from './failpoint.js';
import { countOperations, killAtAll } from './killing.js';
import { Material } from './material.js';
import { nameOf, sentPoints } from './points.js';

const POINTS = 30;
const ROUNDS = 6;

describe('killed while sending', () => {
  let material: Material;
  let counted: Counted;
  before(async () => {
    material = new Material();
    counted = await countOperations(material);
  });
  after(() => {
    material.remove();
  });

  it('at points all along the upload, run again', () =>
    killAtAll(material, sentPoints(counted, POINTS, seededRandom(7))));

  it('again and again, at any moment', async () => {
    const random = seededRandom(11);
    for (let round = 0; round < ROUNDS; round++) {
      const site = await CrashSite.begin();
      const said: string[] = [];
      try {
        while (said.length < 4 && !site.isDone) {
          const point: CrashPoint =
            random() < 0.5
              ? {
                  kind: 'file',
                  nth: 1 + Math.floor(random() * counted.operations.length),
                  power: random() < 0.5,
                }
              : { kind: 'sent', bytes: Math.floor(random() * counted.sentBytes) };
          said.push(nameOf(point));
          const ended = await site.run(material.tar, point);
          assert.ok(ended.signal === 'SIGKILL' || ended.status === 0, ended.output);
        }
        if (!site.isDone) await site.finish(material.tar);
        material.assertSameTree(await site.verify(material.gpg, material.tar, 0));
      } catch (error) {
        throw new Error(`killed ${said.join(', then ')}`, { cause: error });
      } finally {
        await site.end();
      }
    }
  });
});
