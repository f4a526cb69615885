/** Backblaze's own Python library (API version 2), as Debian ships it, against our B2 server. The scenarios are in b2sdk_session.py. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startB2Server, type B2Server, type B2ServerOptions } from '../support/b2-server/server.js';
import { B2SDK, needPrograms } from '../support/debian.js';
import { assertSameTree, noise, readTree, TREE, writeTree } from './tree.js';

// The script is no TypeScript: it stays where it is when the tests are compiled.
const SCRIPT = fileURLToPath(new URL('../../../test/interop/b2sdk_session.py', import.meta.url));

/** b2sdk makes parts of the recommended size; these are small enough for a test. */
const SMALL_PARTS = { recommendedPartBytes: 5_000_000 };

type Seen = Readonly<Record<string, unknown>>;

async function session(
  scenarios: string | readonly string[],
  options: B2ServerOptions & { tree?: Readonly<Record<string, Buffer>> },
  check: (b2: B2Server, seen: Seen, directory: string) => void | Promise<void>,
): Promise<void> {
  const b2 = await startB2Server({
    buckets: ['test-bucket', 'other-bucket'],
    limits: SMALL_PARTS,
    ...options,
  });
  const directory = mkdtempSync(join(tmpdir(), 'interop-b2sdk-'));
  mkdirSync(join(directory, 'out'));
  writeTree(join(directory, 'in'), options.tree ?? {});
  try {
    let seen: Seen = {};
    for (const scenario of [scenarios].flat()) {
      const { stdout } = await promisify(execFile)('/usr/bin/python3', [
        SCRIPT,
        b2.url,
        b2.keyId,
        b2.key,
        directory,
        scenario,
      ]);
      seen = { ...seen, [scenario]: JSON.parse(stdout) as unknown };
    }
    await check(b2, typeof scenarios === 'string' ? (seen[scenarios] as Seen) : seen, directory);
    assert.deepEqual(b2.defects, []);
    assert.deepEqual(b2.faults.unfired, []);
  } finally {
    await b2.close();
    rmSync(directory, { recursive: true });
  }
}

describe('b2sdk', { skip: needPrograms([B2SDK]), concurrency: true }, () => {
  test('copies a tree in and out', () =>
    session('copy_in_and_out', { tree: TREE }, (b2, seen, directory) => {
      assertSameTree(readTree(join(directory, 'out')), TREE);
      const listed = Object.entries(TREE).map(([name, content]) => [name, 'upload', content.length]);
      assert.deepEqual(new Set(Object.values(seen).map(String)), new Set(listed.map(String)));
      const large = b2.bucket('test-bucket').file('big/many-parts');
      assert.ok((large?.parts.size ?? 0) >= 2);
      assert.equal(large?.fileInfo['note'], 'a b');
    }));

  test('versions, hiding, deleting, buckets', () =>
    session('versions', {}, (_, seen) => {
      const { hidden, all, first, gone, rules, buckets, absent, duplicate } = seen;
      assert.deepEqual(hidden, []);
      assert.deepEqual(all, [
        ['f', 'hide', 0],
        ['f', 'upload', 3],
        ['f', 'upload', 3],
      ]);
      assert.equal(first, 3);
      assert.equal(gone, 'FileNotPresent');
      assert.equal((rules as { daysFromHidingToDeleting: number }[])[0]?.daysFromHidingToDeleting, 1);
      assert.deepEqual(buckets, ['other-bucket', 'test-bucket']);
      assert.equal(absent, 'NonExistentBucket');
      assert.equal(duplicate, 'DuplicateBucketName');
    }));

  test('unfinished files are listed, looked into and cancelled', () =>
    session('unfinished_files', {}, (b2, seen) => {
      assert.deepEqual(seen, { listed: ['a', 'b', 'c'], parts: 0, left: ['b', 'c'] });
      assert.equal(b2.bucket('test-bucket').unfinished().length, 2);
    }));

  test('an interrupted upload is resumed: what is already there is not sent again', () => {
    const content = noise(42_000_000, 20);
    // The account is capped half-way; the second run, a process of its own, finds the unfinished file.
    return session(
      ['interrupted', 'upload'],
      { tree: { big: content }, faults: ['upload_part=cap@6'] },
      (b2, seen) => {
        assert.deepEqual(seen['interrupted'], { upload: 'StorageCapExceeded', names: [] });
        assert.deepEqual(seen['upload'], { upload: 'allowed', names: [['big', 'upload', content.length]] });
        assert.deepEqual(b2.bucket('test-bucket').read('big'), content);
        const stored = b2.parts.filter((part) => part.stored);
        assert.equal(new Set(stored.map((part) => part.fileId)).size, 1);
        assert.equal(new Set(stored.map((part) => part.partNumber)).size, stored.length);
      },
    );
  });

  test('restricted keys', () =>
    session('restricted', {}, (_, seen) => {
      const { 'outside name': outside, ...rest } = seen;
      assert.notEqual(outside, 'allowed');
      assert.deepEqual(rest, {
        key: 'host/',
        names: ['host/f', 'host/g'],
        'other bucket': 'RestrictedBucket',
        'outside file': 'Unauthorized',
        delete: 'Unauthorized',
        'wrong key': 'Unauthorized',
        'deleted key': 'Unauthorized',
      });
    }));

  test('Object Lock and legal hold', () =>
    session('object_lock', {}, (_, seen) => {
      const { held, retained, ...rest } = seen;
      assert.deepEqual(rest, { mode: 'governance', until: 4_000_000_000_000, hold: 'on', freed: 'allowed' });
      for (const refusal of [held, retained]) assert.notEqual(refusal, 'allowed');
    }));

  test('server-side copies, and files sealed with a customer’s key', () => {
    const content = noise(12_000_000, 21);
    return session('server_side_copy', { tree: { large: content } }, (b2, seen) => {
      const bucket = b2.bucket('test-bucket');
      assert.deepEqual(bucket.read('whole'), content);
      assert.deepEqual(bucket.read('piece'), content.subarray(5, 105));
      assert.deepEqual(bucket.read('in-parts'), content);
      assert.equal(seen['with key'], 'sealed');
      assert.notEqual(seen['without key'], 'allowed');
    });
  });

  test('survives injected faults with every byte right', () =>
    session(
      'copy_in_and_out',
      {
        // This version sends again to the same URL, so it needs a B2 that has noticed the break.
        pairAfterBreak: 'free',
        tree: { small: noise(1000, 22), large: noise(26_000_000, 23) },
        faults: [
          'upload_part=503@2',
          'upload_part=reset-body@4',
          'upload_part=401@3',
          'upload_file=503@1',
          'list_file_names=503@1',
          'download_file_by_name=503@1',
        ],
      },
      (_, __, directory) => {
        assertSameTree(readTree(join(directory, 'out')), {
          small: noise(1000, 22),
          large: noise(26_000_000, 23),
        });
      },
    ));
});
