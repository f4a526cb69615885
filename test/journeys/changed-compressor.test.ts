/** Killed, and run again where the program that compressed gzip has gone, or one has come: what lies in B2 is still one gzip stream. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { skipWithout } from '../support/debian.js';
import { GpgHome } from '../support/gpg.js';
import { BUCKET, Journey, PASSPHRASE } from './harness.js';

const MB = 1_000_000;
const QUICKER = ['libdeflate-gzip', 'igzip'];

describe('another program compresses', { concurrency: 1, skip: skipWithout('libdeflate-gzip') }, () => {
  const gpg = new GpgHome();
  after(() => {
    gpg.remove();
  });

  for (const [name, first, then] of [
    ['it has gone', true, false],
    ['it has come', false, true],
  ] as const) {
    it(name, async (t) => {
      const journey = await Journey.begin();
      t.after(() => journey.end());
      const tree = join(journey.directory, 'tree');
      mkdirSync(tree);
      // Half of it shrinks.
      const octets = randomFillSync(Buffer.alloc(15 * MB));
      journey.write('tree/a', Buffer.from(octets.toString('hex'), 'latin1'));
      const without = join(journey.directory, 'bin');
      mkdirSync(without);
      execFileSync('sh', ['-c', 'ln -s /usr/bin/* /bin/* . 2>/dev/null; rm -f "$@"', 'sh', ...QUICKER], {
        cwd: without,
      });
      const path = (there: boolean): NodeJS.ProcessEnv => ({ PATH: there ? '/bin:/usr/bin' : without });
      const words = [
        ...['-v', '--compress', 'gzip', '--part-size', '5M', '--split-size', '6M'],
        ...journey.positionals(journey.tarOf(tree), { compPath: '/bin/gzip', compExt: '.gz' }),
      ];
      const line = journey.server.faults.hold({ on: 'upload_part', from: 3 });
      const killed = journey.archiveHost(words, path(first));
      const sent = (): number => journey.server.parts.filter(({ stored }) => stored).length;
      await killed.until(() => sent() >= 2 && journey.server.faults.unfired.length === 0);
      killed.kill('SIGKILL');
      assert.equal((await killed.ended).signal, 'SIGKILL');
      line.release();

      const { status, output } = await journey.archiveHost(words, path(then)).ended;
      assert.equal(status, 0, output);
      assert.match(output, /resuming run |starting over: /);
      const bucket = journey.server.bucket(BUCKET);
      const volumes = bucket.names().filter((volume) => /\.[a-z]{2}\.gpg$/.test(volume));
      assert.ok(volumes.length >= 3, bucket.names().join());
      const packed: Buffer[] = [];
      for (const volume of volumes) packed.push(await gpg.decrypt(bucket.read(volume), PASSPHRASE));
      const unpacked = spawnSync('gzip', ['-dc'], { input: Buffer.concat(packed), maxBuffer: 64 * MB });
      assert.equal(unpacked.status, 0, unpacked.stderr.toString());
      const tar = spawnSync('tar', ['-C', tree, '--sort=name', '-cf', '-', '.'], { maxBuffer: 64 * MB });
      assert.ok(unpacked.stdout.equals(tar.stdout));
    });
  }
});
