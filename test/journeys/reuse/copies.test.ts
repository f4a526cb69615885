/** `--reuse`: the whole program as a process, twice and more over one host; what it sends, and what it has B2 copy. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { BUCKET, type Ended } from '../harness.js';
import { HOST, SmallVolumes } from './small-volumes.js';

describe('archives of small volumes', () => {
  let site: SmallVolumes;
  beforeEach(async () => {
    site = await SmallVolumes.begin();
  });
  afterEach(() => site.end());

  it('the second archive has the first one copied, the third sends what changed; each is whole by itself', async () => {
    await site.stored(1);
    assert.ok(site.volumes(1).length > 25, `${site.volumes(1).length} volumes`);
    assert.equal(statSync(site.known()).mode & 0o777, 0o600);
    const first = site.uploads;
    await site.stored(2);
    assert.equal(site.copies, site.volumes(1).length);
    assert.equal(site.uploads, first, 'no volume is sent');
    const before = site.tarOfTree();
    assert.ok((await site.byHand(1)).equals(before));
    assert.ok((await site.byHand(2)).equals(before));

    writeFileSync(join(site.tree, 'd5', 'f5'), 'changed\n');
    const second = site.uploads;
    const ended = await site.stored(3);
    assert.ok(site.uploads - second <= 6, `${site.uploads - second} uploads`);
    assert.match(ended.output, /sent .*, copied .* in B2/);
    assert.ok((await site.byHand(3)).equals(site.tarOfTree()));
    // The earlier ones may go: nothing refers to them.
    for (const version of site.journey.server.bucket(BUCKET).versions())
      assert.ok(version.fileInfo['bb2-run'] !== undefined);
  });

  for (const [name, compPath, compExt, unpack] of [
    ['gzip', '/bin/gzip', '.gz', 'gzip -dc'],
    ['zstd', '/usr/bin/zstd', '.zst', 'zstd -dc'],
  ] as const) {
    it(`volumes are ${name} streams of their own, and joined they are one`, async () => {
      await site.stored(1, [], { compPath, compExt });
      assert.ok(site.volumes(1).every((volume) => volume.startsWith(`${HOST}.1.tar${compExt}/`)));
      assert.ok((await site.byHand(1, unpack)).equals(site.tarOfTree()));
      const count = site.uploads;
      await site.stored(2, [], { compPath, compExt });
      assert.equal(site.uploads, count);
      assert.ok((await site.byHand(2, unpack)).equals(site.tarOfTree()));
    });
  }

  it('with --compress auto each volume has its level, and the next archive copies it all the same', async () => {
    const flags = ['--compress', 'auto', '--bwlimit', '2M'];
    const first = await site.stored(1, flags);
    assert.match(first.output, /compression zstd:auto/);
    assert.ok((await site.byHand(1, 'zstd -dc')).equals(site.tarOfTree()));
    const count = site.uploads;
    await site.stored(2, ['--compress', 'zstd:1']);
    assert.equal(site.uploads, count);
    assert.equal(site.copies, site.volumes(1).length);
    const { journey } = site;
    const words = journey.positionals(journey.tarOf(site.tree), { host: HOST, number: '3' });
    const sized = await journey.archiveHost(['--compress', 'auto', ...words]).ended;
    assert.equal(sized.status, 0, sized.output);
    assert.match(
      sized.output,
      /compression zstd:3.*\n[^]*without reuse an archive has one level of compression/,
    );
  });

  it('another codec, another passphrase: everything is sent once, and the log says why', async () => {
    await site.stored(1);
    const sends = async (number: number, flags: readonly string[], reason: RegExp): Promise<void> => {
      const [uploaded, copied] = [site.uploads, site.copies];
      const ended = await site.stored(number, flags);
      assert.match(ended.output, reason);
      assert.equal(site.copies, copied);
      assert.equal(site.uploads - uploaded, site.volumes(number).length);
      assert.ok(site.tarOfTree().length > 0);
    };
    await sends(2, ['--compress', 'gzip:1'], /compression was none, is gzip/);
    const other = site.journey.write('other', 'another passphrase\n', 0o600);
    await sends(3, ['--compress', 'gzip:1', '--passphrase-file', other], /passphrases or recipients/);
  });

  it('output that is not a tar is cut by content; what is printed again is recognized', async () => {
    const dump = site.journey.write('dump', randomFillSync(Buffer.alloc(2_000_000)));
    const run = (number: number): Promise<Ended> => site.dump(number, site.journey.passphraseFile, dump);
    assert.equal((await run(1)).status, 0);
    const sent = site.uploads;
    const ended = await run(2);
    assert.equal(ended.status, 0, ended.output);
    assert.equal(site.uploads, sent, ended.output);
  });
});
