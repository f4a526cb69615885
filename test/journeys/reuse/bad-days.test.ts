/** `--reuse`, where copying does not go as it should: the archive is whole, and nothing is left beside it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { BUCKET } from '../harness.js';
import { HOST, SmallVolumes } from './small-volumes.js';

describe('volumes that cannot be copied', () => {
  let site: SmallVolumes;
  /** What is known after the first archive: every test is of the second one, under a number of its own. */
  let afterFirst: Buffer;
  let number = 1;
  before(async () => {
    site = await SmallVolumes.begin();
    await site.stored(1);
    afterFirst = readFileSync(site.known());
  });
  afterEach(() => {
    site.journey.server.faults.clear();
    writeFileSync(site.known(), afterFirst);
    number++;
  });
  after(() => site.end());

  const badDays: [day: string, fault: string, inTheLog: RegExp | undefined][] = [
    [
      'an earlier volume is gone',
      'copy_file=404:not_found@2',
      /1 volume was sent instead of copied: the earlier volume is gone/,
    ],
    ['B2 is busy for a moment', 'copy_file=503@2,5', undefined],
    ['answers are lost', 'copy_file=lost@/4', undefined],
    ['connections break', 'copy_file=reset-after@3,4', undefined],
    [
      'a copy has another SHA-1',
      'copy_file=wrong-sha1@2',
      /1 volume was sent instead of copied: B2's copy differs \(SHA-1 /,
    ],
    [
      'a cap of the account forbids copies',
      'copy_file=cap',
      /volumes were sent instead of copied: B2 did not copy them \(the first: .*storage_cap_exceeded/,
    ],
    [
      'the key may not copy',
      'copy_file=401:unauthorized',
      /volumes were sent instead of copied: B2 did not copy them \(the first: .*unauthorized/,
    ],
  ];
  for (const [day, fault, inTheLog] of badDays) {
    it(`${day}: the archive is whole, and nothing is left beside it`, async () => {
      const second = number + 1;
      site.journey.server.faults.add(fault);
      const copied = site.copies;
      const ended = await site.stored(second);
      assert.ok(site.copies > copied);
      assert.deepEqual(site.journey.server.faults.unfired, []);
      if (inTheLog === undefined) assert.doesNotMatch(ended.output, /instead of copied/);
      else assert.match(ended.output, inTheLog);
      assert.ok((await site.byHand(second)).equals(site.tarOfTree()));
      const versions = site.journey.server.bucket(BUCKET).versions();
      assert.equal(new Set(versions.map(({ fileName }) => fileName)).size, versions.length);
    });
  }
});

describe('an earlier archive that is damaged or goes', () => {
  let site: SmallVolumes;
  beforeEach(async () => {
    site = await SmallVolumes.begin();
  });
  afterEach(() => site.end());

  it('what verify finds damaged is sent by the next archive, not copied', async () => {
    const { journey } = site;
    await site.stored(1);
    await site.stored(2);
    const bucket = journey.server.bucket(BUCKET);
    const [damaged = '', another = '', gone = ''] = [5, 9, 12].map((at) => site.volumes(2)[at] ?? '');
    for (const name of [damaged, another]) bucket.flipBit(name, 300);
    bucket.remove(gone);
    const words = ['verify', '--host', HOST, '--number', '2', '--deep'];
    const checked = await journey.companion(words, journey.outLoc);
    assert.equal(checked.status, 11, checked.output);
    for (const name of [damaged, another, gone]) assert.ok(checked.output.includes(name), checked.output);
    assert.match(checked.output, /the next archive sends 2 volumes instead of copying/);
    const uploaded = site.uploads;
    await site.stored(3);
    assert.equal(site.uploads - uploaded, 3);
    assert.ok((await site.byHand(3)).equals(site.tarOfTree()));
  });

  it('deleted while being copied from: what is gone is sent, and the archive is complete', async () => {
    await site.stored(1);
    const { server } = site.journey;
    const line = server.faults.hold({ on: 'copy_file', from: 3 });
    const running = site.start(2);
    await Promise.race([line.reached, running.ended]);
    for (const name of server.bucket(BUCKET).names())
      if (name.startsWith(`${HOST}.1.`)) server.bucket(BUCKET).remove(name);
    line.release();
    const ended = await running.ended;
    assert.equal(ended.status, 0, ended.output);
    assert.match(ended.output, /sent instead of copied: the earlier volume is gone/);
    assert.ok((await site.byHand(2)).equals(site.tarOfTree()));
    const count = site.uploads;
    await site.stored(3);
    assert.equal(site.uploads, count);
  });
});
