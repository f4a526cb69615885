import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ContentPlan, longestVolumeBytes } from '../../src/reuse/content-plan.js';
import { TarWatch } from '../../src/tar/watch.js';
import { seededRandom } from '../support/b2-server/random.js';

const KEY = new Uint8Array(32).fill(7);
const KIB = 1024;

/** Looks random, and is the same each time: how much a change costs is a matter of chance. */
const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, 5), Buffer.alloc(16));
const noise = (bytes: number): Buffer => stream.update(Buffer.alloc(bytes));

const SIZES = { min: 16 * KIB, target: 64 * KIB, max: 256 * KIB };

function cutsOf(tar: Uint8Array, sliceBytes: number | (() => number) = 65_536): number[] {
  const watch = new TarWatch();
  const plan = new ContentPlan(KEY, SIZES, watch);
  const cuts: number[] = [];
  for (let at = 0; at < tar.length;) {
    const slice = tar.subarray(at, at + (typeof sliceBytes === 'number' ? sliceBytes : sliceBytes()));
    watch.push(slice);
    cuts.push(...plan.cuts(slice).map((cut) => cut.at));
    at += slice.length;
  }
  return cuts;
}

function volumesOf(tar: Uint8Array): Uint8Array[] {
  const cuts = [...cutsOf(tar).filter((at) => at < tar.length), tar.length];
  return cuts.map((at, index) => tar.subarray(index === 0 ? 0 : cuts[index - 1], at));
}

const sha = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

/** Share of `after` that is in volumes that `before` does not have. */
function sentShare(before: Uint8Array, after: Uint8Array): number {
  const known = new Set(volumesOf(before).map(sha));
  const sent = volumesOf(after).filter((volume) => !known.has(sha(volume)));
  return sent.reduce((sum, { length }) => sum + length, 0) / after.length;
}

describe('volumes cut by content', () => {
  const directory = mkdtempSync(join(tmpdir(), 'content-plan-'));
  const tree = join(directory, 'tree');
  const random = seededRandom(5);
  const tarOf = (): Buffer =>
    execFileSync(
      'tar',
      [
        '-C',
        tree,
        '--format=posix',
        '--pax-option=delete=atime,delete=ctime',
        '--sort=name',
        '-cf',
        '-',
        '.',
      ],
      {
        maxBuffer: 2 ** 30,
      },
    );
  for (let i = 0; i < 400; i++) {
    mkdirSync(join(tree, `d${i % 20}`), { recursive: true });
    const path = join(tree, `d${i % 20}`, `${'long-'.repeat(i % 40)}${i}`);
    writeFileSync(path, noise(Math.floor(30_000 * random() ** 3)));
  }
  const mailbox = noise(2_000_000);
  writeFileSync(join(tree, 'd7', 'mailbox'), mailbox);
  const before = tarOf();
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it('each volume is a tar in its own right, unless it is a piece of one long member, and within the maximum', () => {
    let pieces = 0;
    let members = 0;
    for (const volume of volumesOf(before)) {
      assert.ok(volume.length <= longestVolumeBytes(SIZES), `${volume.length} bytes`);
      const listed = execFileSync('sh', ['-c', 'tar -tf - 2>/dev/null || true'], {
        input: volume,
      }).toString();
      if (listed === '') pieces += 1;
      members += listed.split('\n').length - 1;
    }
    const all = execFileSync('tar', ['-tf', '-'], { input: before }).toString().split('\n').length - 1;
    assert.equal(members, all);
    assert.ok(pieces > 10, `${pieces} pieces of the mailbox`);
  });

  it('the cuts do not depend on how the tar arrives', () => {
    const whole = cutsOf(before, before.length);
    assert.ok(whole.length > 40);
    for (const sliceBytes of [511, 4096, 100_001]) assert.deepEqual(cutsOf(before, sliceBytes), whole);
    assert.deepEqual(
      cutsOf(before, () => 1 + Math.floor(30_000 * random())),
      whole,
    );
  });

  it('an identical tar is known completely; a new file, a removed one and a longer mailbox cost a few volumes', () => {
    assert.equal(sentShare(before, tarOf()), 0);
    writeFileSync(join(tree, 'd3', 'new'), noise(1000));
    const added = tarOf();
    assert.ok(sentShare(before, added) < 0.06, `new file: ${sentShare(before, added)}`);
    rmSync(join(tree, 'd5', '5'), { force: true });
    const removed = tarOf();
    assert.ok(sentShare(added, removed) < 0.06, `removed: ${sentShare(added, removed)}`);
    writeFileSync(
      join(tree, 'd7', 'mailbox'),
      Buffer.concat([mailbox.subarray(0, 900_000), noise(5000), mailbox.subarray(900_000)]),
    );
    const grown = tarOf();
    assert.ok(sentShare(removed, grown) < 0.15, `mailbox: ${sentShare(removed, grown)}`);
  });

  it('what is not a tar is cut by content, and so is what follows damage in one', () => {
    const dump = noise(1_000_000);
    const longer = Buffer.concat([
      dump.subarray(0, 300_000),
      Buffer.from('one row more'),
      dump.subarray(300_000),
    ]);
    assert.ok(cutsOf(dump).length > 8);
    assert.ok(sentShare(dump, longer) < 0.4);
    const damaged = Buffer.from(before);
    damaged.fill(0xaa, 5120, 60_000);
    for (const bytes of [dump, damaged]) {
      assert.deepEqual(cutsOf(bytes, 777), cutsOf(bytes, bytes.length));
      for (const { length } of volumesOf(bytes)) assert.ok(length <= longestVolumeBytes(SIZES));
    }
  });

  it('endless zeros are cut, too', () => {
    const zeros = Buffer.concat([before, Buffer.alloc(1_000_000)]);
    assert.deepEqual(cutsOf(zeros, 1000), cutsOf(zeros, zeros.length));
    for (const { length } of volumesOf(zeros)) assert.ok(length <= longestVolumeBytes(SIZES));
  });
});
