/** Archives of volumes cut by content, killed at a sample of moments; test/crash has all of them. */
import { test } from 'node:test';
import { filePoints, sentPoints } from '../../crash/points.js';
import { Backups, killSecondArchive, ReuseSite } from '../../crash/reuse-site.js';
import { seededRandom } from '../../support/b2-server/random.js';
import { GpgHome } from '../../support/gpg.js';

const FILE_POINTS = 2;
const SENT_POINTS = 1;

test('killed at a sample of moments, run again: the second archive is whole, and the third copies from it', async () => {
  const site = await ReuseSite.begin();
  const gpg = new GpgHome();
  try {
    const backups = new Backups(site.journey.directory);
    await site.finish(1, backups.before);
    await site.finish(2, backups.after);
    await site.verify(gpg, 2, backups.after);
    const files = filePoints(site.counted);
    const points = [
      // Other ones at every run: over time they are all of them.
      ...Array.from({ length: FILE_POINTS }, () => files[Math.floor(Math.random() * files.length)]).filter(
        (point) => point !== undefined,
      ),
      ...sentPoints(site.counted, SENT_POINTS, seededRandom(4)),
    ];
    for (const point of points) await killSecondArchive(gpg, backups, point);
  } finally {
    gpg.remove();
    await site.end();
  }
});
