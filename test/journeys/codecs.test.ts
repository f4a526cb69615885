/** `gpg -d VOLUMES | DECOMPRESS | tar -t` with the stock programs, for every codec, as the real program stored it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CODEC_ROWS } from '../../src/compression/codecs.js';
import { skipWithout } from '../support/debian.js';
import { GpgHome } from '../support/gpg.js';
import { BUCKET, Journey, PASSPHRASE } from './harness.js';

describe('codecs, end to end', () => {
  let journey: Journey;
  let gpg: GpgHome;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    gpg = new GpgHome();
    tree = join(journey.directory, 'tree');
    mkdirSync(tree);
    journey.write('tree/words', 'All work and no play makes Jack a dull boy.\n'.repeat(100_000));
  });
  after(async () => {
    gpg.remove();
    await journey.end();
  });

  for (const { name, extensions, decompress } of CODEC_ROWS) {
    const [program] = decompress ?? [];
    const skip = program === undefined ? false : skipWithout(program);
    it(name, { skip }, async () => {
      const words = [
        '--compress',
        name,
        ...journey.positionals(journey.tarOf(tree), { host: name, splitSize: '3000000' }),
      ];
      const { status, output } = await journey.archiveHost(words).ended;
      assert.equal(status, 0, output);
      const bucket = journey.server.bucket(BUCKET);
      const volumes = bucket.names().filter((file) => file.startsWith(`${name}.12.tar${extensions[0]}.a`));
      assert.ok(volumes.length > 0, bucket.names().join(' '));
      const plain = Buffer.concat(
        await Promise.all(volumes.map((file) => gpg.decrypt(bucket.read(file), PASSPHRASE))),
      );
      const tar =
        decompress === undefined
          ? plain
          : spawnSync(decompress[0], decompress.slice(1), { input: plain, maxBuffer: 64 << 20 }).stdout;
      const listed = spawnSync('tar', ['-tf', '-'], { input: tar });
      assert.equal(listed.status, 0, listed.stderr.toString());
      assert.equal(listed.stdout.toString(), './\n./words\n');
      assert.equal(
        spawnSync('tar', ['-df', '-', '-C', tree], { input: tar }).status,
        0,
        'and the contents are the same',
      );
    });
  }

  for (const [what, word, reason] of [
    ['a level out of range', 'gzip:10', /gzip.*1.*9/],
    ['an unknown codec', 'lzma2', /lzma2/],
  ] as const) {
    it(`refuses ${what} before anything is read`, async () => {
      const { status, lastLine } = await journey.archiveHost([
        '--compress',
        word,
        ...journey.positionals(journey.tarOf(tree)),
      ]).ended;
      assert.equal(status, 2);
      assert.match(lastLine, reason);
    });
  }
});
