import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { withinBusybox } from '../../src/restore/busybox-tar.js';
import type { Sink } from '../../src/restore/sink.js';

const tree = mkdtempSync(join(tmpdir(), 'busybox-tar-'));
after(() => {
  rmSync(tree, { recursive: true, force: true });
});
writeFileSync(join(tree, 'n'.repeat(150)), 'long');
writeFileSync(join(tree, 'holes'), 'x');
truncateSync(join(tree, 'holes'), 3_000_000);

/** What GNU tar makes of the tree goes through. @returns how much of it got to tar, and why no more */
async function through(words: readonly string[], owners: boolean): Promise<[bytes: number, why: string]> {
  const { status, stdout } = spawnSync('tar', ['-C', tree, ...words, '-cf', '-', '.'], {
    maxBuffer: 1 << 26,
  });
  assert.equal(status, 0);
  let bytes = 0;
  const sink: Sink = {
    write: (some) => {
      bytes += some.length;
      return Promise.resolve();
    },
    finish: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
  const within = withinBusybox(sink, owners);
  try {
    for (let at = 0; at < stdout.length; at += 700) await within.write(stdout.subarray(at, at + 700));
  } catch (error) {
    return [bytes, error instanceof Error ? error.message : ''];
  }
  assert.equal(bytes, stdout.length);
  return [bytes, ''];
}

test("busybox's tar gets what it understands, and nothing of a member that it would unpack wrongly", async () => {
  assert.equal((await through(['--format=gnu'], true))[1], '');
  // Names of any length, and times that only pax has.
  assert.equal((await through(['--format=pax'], true))[1], '');
  const far = ['--format=pax', '--owner=:1234567890'];
  assert.match((await through(far, true))[1], /busybox's, which does not understand the owner of \.\/$/);
  assert.equal((await through(far, false))[1], '');
  const [bytes, why] = await through(['--format=pax', '--sparse', '--sort=name'], false);
  assert.match(why, /the size of \.\/holes$/);
  assert.ok(bytes < 3000, `${bytes}`);
});
