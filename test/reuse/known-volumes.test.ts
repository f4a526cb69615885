import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  decodeKnown,
  encodeKnown,
  forgetVolumes,
  knownPath,
  loadKnown,
  saveKnown,
  whyNotReusable,
  withoutForgotten,
  type KnownArchive,
} from '../../src/reuse/known-volumes.js';

const volume = (index: number) => ({
  digest: index.toString(16).padStart(64, '0'),
  fileId: `4_z${index}`,
  bytes: 1000 + index,
  sha1: index.toString(16).padStart(40, 'a'),
  dataBytes: 900 + index,
  sentAt: 1_700_000_000_000 + index,
});
const archive: KnownArchive = {
  host: 'web.example',
  number: 12,
  bucket: 'bucket',
  run: 'abcd',
  digestKey: 'f'.repeat(64),
  keys: 'k',
  shape: { compression: 'zstd', 'OpenPGP profile': 'librepgp' },
  targetBytes: 1 << 20,
  tarBytes: 123_456_789,
  volumes: [volume(1), volume(2), volume(3)],
};

describe('what is known about a host', () => {
  it('comes back as it was written, from a file for its owner alone', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'known-'));
    try {
      const path = knownPath(directory, archive);
      assert.deepEqual(await loadKnown(path), { kind: 'none' });
      await saveKnown(path, archive);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.deepEqual(await loadKnown(path), { kind: 'known', archive });
      writeFileSync(path, 'rubbish\n');
      assert.equal((await loadKnown(path)).kind, 'unusable');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('what is removed stays removed, even while an archive is being made', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'known-'));
    try {
      const path = knownPath(directory, archive);
      const damaged = new Set([volume(2).sha1]);
      assert.equal(await forgetVolumes(path, damaged), 0);
      await saveKnown(path, archive);
      assert.equal(await forgetVolumes(path, damaged), 1);
      assert.equal(await forgetVolumes(path, damaged), 0);
      const now = await loadKnown(path);
      assert.deepEqual(now, { kind: 'known', archive: { ...archive, volumes: [volume(1), volume(3)] } });
      // The running archive has copied all three, and has two of its own.
      const next = [volume(1), volume(2), volume(3), volume(4)];
      assert.deepEqual(withoutForgotten(next, archive, now), [volume(1), volume(3), volume(4)]);
      assert.deepEqual(withoutForgotten(next, undefined, now), next);
      assert.deepEqual(withoutForgotten(next, archive, { kind: 'none' }), next);
      assert.deepEqual(withoutForgotten(next, { ...archive, run: 'other' }, now), next);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('any damage makes all of it unusable', () => {
    const file = encodeKnown(archive);
    for (let length = 0; length < file.length; length++)
      assert.equal(decodeKnown(file.subarray(0, length)).kind, 'unusable', `cut at ${length}`);
    for (let at = 0; at < file.length; at += 7) {
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      assert.equal(decodeKnown(damaged).kind, 'unusable', `changed at ${at}`);
    }
  });

  it('says why nothing of it can be used', () => {
    assert.equal(whyNotReusable(archive, archive), undefined);
    assert.match(whyNotReusable(archive, { ...archive, keys: 'other' }) ?? '', /passphrases or recipients/);
    assert.match(
      whyNotReusable(archive, { ...archive, shape: { ...archive.shape, compression: 'gzip' } }) ?? '',
      /compression was zstd, is gzip/,
    );
    assert.match(whyNotReusable(archive, { ...archive, host: 'web' }) ?? '', /web\.example/);
  });
});
