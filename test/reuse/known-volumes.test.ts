import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  decodeKnown,
  encodeKnown,
  knownPath,
  loadKnown,
  saveKnown,
  whyNotReusable,
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

describe('what is known of a host', () => {
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

  it('any damage makes it unusable as a whole', () => {
    const file = encodeKnown(archive);
    for (let length = 0; length < file.length; length++)
      assert.equal(decodeKnown(file.subarray(0, length)).kind, 'unusable', `cut at ${length}`);
    for (let at = 0; at < file.length; at += 7) {
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      assert.equal(decodeKnown(damaged).kind, 'unusable', `changed at ${at}`);
    }
  });

  it('says why it cannot be used', () => {
    assert.equal(whyNotReusable(archive, archive), undefined);
    assert.match(whyNotReusable(archive, { ...archive, keys: 'other' }) ?? '', /passphrases or recipients/);
    assert.match(
      whyNotReusable(archive, { ...archive, shape: { ...archive.shape, compression: 'gzip' } }) ?? '',
      /compression was zstd, is gzip/,
    );
    assert.match(whyNotReusable(archive, { ...archive, host: 'web' }) ?? '', /web\.example/);
  });
});
