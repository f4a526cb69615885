/** Kill at a point, run again, verify: for many points. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EXIT_STATUS } from '../../src/errors.js';
import { CrashSite } from './crash-site.js';
import type { Counted, CrashPoint } from './failpoint.js';
import { Material } from './material.js';
import { filePoints, nameOf } from './points.js';
import { assertTornAnywhere } from './torn-tail.js';

/** Runs at a time; each has a server of its own. */
const LANES = 2;

/** What an undisturbed run does. */
export async function countOperations(material: Material): Promise<Counted> {
  const site = await CrashSite.begin();
  try {
    await site.finish(material.tar);
    return site.counted;
  } finally {
    await site.end();
  }
}

/**
 * Not one byte that B2 had stored may go twice, and nothing that is not whole may look finished.
 * @returns whether the point was reached
 */
async function killAndFinish(material: Material, point: CrashPoint): Promise<boolean> {
  const site = await CrashSite.begin();
  try {
    const killed = await site.run(material.tar, point);
    const reached = killed.status !== 0;
    if (reached && point.kind === 'full') {
      assert.equal(killed.status, EXIT_STATUS.local, killed.output);
      assert.match(killed.lastLine, /ENOSPC/);
    } else if (reached) assert.equal(killed.signal, 'SIGKILL', killed.output);
    if (killed.signal === 'SIGKILL') await assertTornAnywhere(site);
    if (site.hasManifest) assert.ok(site.hasAllVolumes, 'a manifest stands for whole volumes');
    // With its manifest up and its journal gone the archive is done: running it again would be another archive.
    if (!site.isDone) await site.finish(material.tar);
    await site.verify(material.gpg, material.tar, 0);
    return reached;
  } catch (error) {
    throw new Error(`killed ${nameOf(point)}`, { cause: error });
  } finally {
    await site.end();
  }
}

/** @throws when a point fails, or when more than a fifth of them was not reached: runs differ a little in the order of what they do */
export async function killAtAll(material: Material, points: readonly CrashPoint[]): Promise<void> {
  let reached = 0;
  const queue = [...points];
  const lane = async (): Promise<void> => {
    for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
      if (await killAndFinish(material, point)) reached++;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  assert.ok(reached >= Math.floor(points.length * 0.8), `${reached} of ${points.length} points were reached`);
}

/** Thirds, so that no test takes minutes on a slow machine. */
const SHARES = 3;

/** Tests that kill at each file point that `wanted` picks. */
export function killedAtEach(title: string, wanted: (point: CrashPoint) => boolean): void {
  describe(`killed ${title}, run again`, () => {
    let material: Material;
    let points: CrashPoint[];
    before(async () => {
      material = new Material();
      points = filePoints(await countOperations(material)).filter(wanted);
    });
    after(() => {
      material.remove();
    });
    for (let share = 0; share < SHARES; share++) {
      it(`share ${share + 1} of ${SHARES}`, () =>
        killAtAll(
          material,
          points.filter((_, index) => index % SHARES === share),
        ));
    }
  });
}
