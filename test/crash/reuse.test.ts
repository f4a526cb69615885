/** The second of two archives in volumes cut by content, killed wherever it writes to its state directory and all along what it sends. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seededRandom } from '../support/b2-server/random.js';
import { GpgHome } from '../support/gpg.js';
import type { CrashPoint } from './failpoint.js';
import { filePoints, sentPoints } from './points.js';
import { Backups, killSecondArchive, ReuseSite } from './reuse-site.js';

/** So that no test takes minutes on a slow machine, and two run side by side. */
const SHARES = 4;
const SENT_POINTS = 12;
/** After each of so many a third archive is made. */
const THIRD = 5;

describe('an archive that copies, killed and run again', { concurrency: 2 }, () => {
  let site: ReuseSite;
  let gpg: GpgHome;
  let backups: Backups;
  let points: CrashPoint[];

  before(async () => {
    site = await ReuseSite.begin();
    gpg = new GpgHome();
    backups = new Backups(site.journey.directory);
    await site.finish(1, backups.before);
    await site.finish(2, backups.after);
    const { counted } = site;
    assert.ok(counted.operations.some(({ path }) => path.includes('.known')));
    points = [...filePoints(counted), ...sentPoints(counted, SENT_POINTS, seededRandom(7))];
  });
  after(async () => {
    gpg.remove();
    await site.end();
  });

  for (let share = 0; share < SHARES; share++) {
    it(`share ${share + 1} of ${SHARES}`, async () => {
      const mine = points.filter((_, index) => index % SHARES === share);
      let reached = 0;
      for (const [index, point] of mine.entries())
        if (await killSecondArchive(gpg, backups, point, index % THIRD === 0)) reached++;
      assert.ok(reached > mine.length / 2, `${reached} of ${mine.length} points were reached`);
    });
  }
});
