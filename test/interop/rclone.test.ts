/** Debian's rclone (API version 1, Go) against our B2 server: what it needs of B2 is there and behaves. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '../../src/clock.js';
import { startB2Server, type B2Server, type B2ServerOptions } from '../support/b2-server/server.js';
import { needPrograms, RCLONE } from '../support/debian.js';
import { assertSameTree, noise, readTree, TREE, writeTree } from './tree.js';

/** Parts of rclone's least size, several at a time. */
const SMALL_PARTS = ['--b2-chunk-size', '5Mi', '--b2-upload-cutoff', '5Mi', '--transfers', '4'];

function rcloneFlags(b2: B2Server, keyId = b2.keyId, key = b2.key): string[] {
  return [
    '--config',
    '/dev/null',
    '--b2-endpoint',
    b2.url,
    '--b2-account',
    keyId,
    '--b2-key',
    key,
    ...SMALL_PARTS,
  ];
}

/** For what is expected to be refused: once is enough. */
const ONCE = ['--retries', '1', '--low-level-retries', '1'];

interface Session {
  readonly b2: B2Server;
  readonly directory: string;
  /** Runs rclone and returns what it printed. Rejects with its messages when it fails. */
  readonly rclone: (...args: string[]) => Promise<string>;
}

async function withRclone(
  options: B2ServerOptions & { keyId?: string; key?: string },
  run: (session: Session) => Promise<void>,
): Promise<void> {
  const b2 = await startB2Server({ buckets: ['test-bucket'], ...options });
  const directory = mkdtempSync(join(tmpdir(), 'interop-rclone-'));
  const flags = rcloneFlags(b2, options.keyId, options.key);
  const rclone = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('rclone', [...flags, ...args], { maxBuffer: 64 << 20 });
    return stdout;
  };
  try {
    await run({ b2, directory, rclone });
    assert.deepEqual(b2.defects, []);
    assert.deepEqual(b2.faults.unfired, []);
  } finally {
    await b2.close();
    rmSync(directory, { recursive: true });
  }
}

// Side by side: rclone spends most of a refusal waiting.
describe('rclone', { skip: needPrograms([RCLONE]), concurrency: true }, () => {
  test('copies a tree in and out, lists it and finds no difference', () =>
    withRclone({}, async ({ b2, directory, rclone }) => {
      const [source, target] = [join(directory, 'in'), join(directory, 'out')];
      writeTree(source, TREE);
      await rclone('copy', source, ':b2:test-bucket/tree');
      const bucket = b2.bucket('test-bucket');
      assertSameTree(
        Object.fromEntries(bucket.names().map((name) => [name.replace(/^tree\//, ''), bucket.read(name)])),
        TREE,
      );
      assert.ok((bucket.file('tree/big/many-parts')?.parts.size ?? 0) > 5);
      assert.match(bucket.file('tree/big/many-parts')?.fileInfo['large_file_sha1'] ?? '', /^[0-9a-f]{40}$/);
      await rclone('copy', ':b2:test-bucket/tree', target);
      assertSameTree(readTree(target), TREE);
      await rclone('check', '--download', source, ':b2:test-bucket/tree');
      await rclone('check', source, ':b2:test-bucket/tree');
      const listed = (
        await rclone(
          'lsf',
          '-R',
          '--files-only',
          '--format',
          'ps',
          '--separator',
          '|',
          ':b2:test-bucket/tree',
        )
      )
        .trim()
        .split('\n');
      assert.deepEqual(
        listed.sort(),
        Object.entries(TREE)
          .map(([name, content]) => `${name}|${content.length}`)
          .sort(),
      );
      assert.deepEqual(
        (await rclone('lsf', ':b2:test-bucket/tree'))
          .trim()
          .split('\n')
          .filter((name) => name.endsWith('/'))
          .sort(),
        ['Größe/', 'big/'],
      );
    }));

  test('streams of unknown length become large files; ranges of them come back', () =>
    withRclone({}, async ({ b2, directory, rclone }) => {
      writeTree(directory, { stream: noise(23_456_789, 7) });
      await promisify(execFile)('sh', [
        '-c',
        'exec "$@" <"$0"',
        join(directory, 'stream'),
        'rclone',
        ...rcloneFlags(b2),
        'rcat',
        ':b2:test-bucket/stream',
      ]);
      const content = noise(23_456_789, 7);
      assert.deepEqual(b2.bucket('test-bucket').read('stream'), content);
      const piece = await rclone('cat', '--offset', '5242870', '--count', '20', ':b2:test-bucket/stream');
      assert.equal(piece, content.subarray(5_242_870, 5_242_890).toString());
    }));

  test('copies on the server side, whole and in parts', () =>
    withRclone({}, async ({ b2, rclone }) => {
      const bucket = b2.bucket('test-bucket');
      bucket.put('small', noise(1000, 8));
      bucket.put('large', noise(12_000_000, 9));
      await rclone('copyto', ':b2:test-bucket/small', ':b2:test-bucket/small-copy');
      await rclone(
        'copyto',
        '--b2-copy-cutoff',
        '5Mi',
        ':b2:test-bucket/large',
        ':b2:test-bucket/large-copy',
      );
      assert.deepEqual(bucket.read('small-copy'), bucket.read('small'));
      assert.deepEqual(bucket.read('large-copy'), bucket.read('large'));
      assert.ok(b2.requests.some((entry) => entry.operation === 'b2_copy_file'));
      assert.ok(b2.requests.some((entry) => entry.operation === 'b2_copy_part'));
    }));

  test('hides, shows old versions, deletes for good, cleans up', () => {
    // rclone only takes unfinished uploads for abandoned after a day.
    const yesterday = { ...systemClock, now: () => Date.now() - 48 * 3_600_000 };
    return withRclone({ clock: yesterday }, async ({ b2, directory, rclone }) => {
      const bucket = b2.bucket('test-bucket');
      const source = join(directory, 'in');
      for (const text of ['one', 'two!']) {
        writeTree(source, { f: Buffer.from(text) });
        await rclone('copy', source, ':b2:test-bucket');
      }
      await rclone('deletefile', ':b2:test-bucket/f');
      assert.deepEqual(
        bucket.versions().map((file) => file.action),
        ['hide', 'upload', 'upload'],
      );
      assert.equal(await rclone('lsf', ':b2:test-bucket'), '');
      const old = (await rclone('lsf', '--b2-versions', ':b2:test-bucket')).trim().split('\n');
      assert.equal(old.length, 2);
      const texts = await Promise.all(
        old.map((name) => rclone('cat', '--b2-versions', `:b2:test-bucket/${name}`)),
      );
      assert.deepEqual(texts.sort(), ['one', 'two!']);

      await rclone('copy', source, ':b2:test-bucket');
      const { json } = await startUnfinished(b2, bucket.bucketId);
      assert.equal(json['action'], 'start');
      await rclone('cleanup', ':b2:test-bucket');
      assert.deepEqual(
        bucket.versions().map((file) => `${file.action} ${file.fileName}`),
        ['upload f'],
      );
      await rclone('deletefile', '--b2-hard-delete', ':b2:test-bucket/f');
      assert.deepEqual(bucket.versions(), []);
    });
  });

  test('makes and removes buckets', () =>
    withRclone({ foreignBuckets: ['taken-elsewhere'] }, async ({ b2, rclone }) => {
      await rclone('mkdir', ':b2:new-bucket');
      assert.match(await rclone('lsd', ':b2:'), /new-bucket/);
      await assert.rejects(
        rclone('mkdir', ':b2:taken-elsewhere'),
        /already in use|duplicate_bucket_name|not.*found/i,
      );
      b2.bucket('new-bucket').put('a/b', Buffer.from('x'));
      await assert.rejects(
        rclone(...ONCE, 'rmdir', ':b2:new-bucket'),
        /cannot_delete_non_empty_bucket|non-empty/,
      );
      await rclone('purge', ':b2:new-bucket');
      assert.throws(() => b2.bucket('new-bucket'));
    }));

  test('a link with a download authorization opens without a key', () =>
    withRclone({}, async ({ b2, rclone }) => {
      b2.bucket('test-bucket').put('shared/ä', Buffer.from('for all'));
      const link = (await rclone('link', ':b2:test-bucket/shared/ä')).trim();
      assert.equal(await (await fetch(link)).text(), 'for all');
    }));

  test('a key restricted to a bucket and a prefix works inside and is refused outside', async () => {
    await withRclone(
      { keyId: 'narrow', key: 'secret', buckets: ['test-bucket', 'other-bucket'] },
      async ({ b2, directory, rclone }) => {
        b2.addKey({
          keyId: 'narrow',
          key: 'secret',
          bucketIds: [b2.bucket('test-bucket').bucketId],
          namePrefix: 'host/',
        });
        writeTree(directory, { 'in/f': noise(6_000_000, 10) });
        await rclone('copy', join(directory, 'in'), ':b2:test-bucket/host/');
        assert.deepEqual(b2.bucket('test-bucket').names(), ['host/f']);
        assert.equal((await rclone('lsf', ':b2:test-bucket/host/')).trim(), 'f');
        await assert.rejects(
          rclone(...ONCE, 'copy', join(directory, 'in'), ':b2:test-bucket/elsewhere/'),
          /unauthorized/,
        );
        await assert.rejects(rclone(...ONCE, 'lsf', ':b2:other-bucket/host/'));
      },
    );
    await withRclone({ keyId: 'reader', key: 'secret' }, async ({ b2, directory, rclone }) => {
      b2.addKey({ keyId: 'reader', key: 'secret', capabilities: ['listBuckets', 'listFiles', 'readFiles'] });
      b2.bucket('test-bucket').put('f', Buffer.from('x'));
      assert.equal(await rclone('cat', ':b2:test-bucket/f'), 'x');
      writeTree(directory, { 'in/g': Buffer.from('x') });
      await assert.rejects(rclone(...ONCE, 'copy', join(directory, 'in'), ':b2:test-bucket'), /unauthorized/);
      await assert.rejects(
        rclone(...ONCE, 'deletefile', '--b2-hard-delete', ':b2:test-bucket/f'),
        /unauthorized/,
      );
    });
  });

  test('survives injected faults with every byte right', () =>
    withRclone(
      {
        faults: [
          'upload_part=503@2',
          'upload_part=401@4',
          'upload_part=reset-body@6',
          'upload_part=429:1@8',
          'upload_file=500@1',
          'start_large_file=503@1',
          'get_upload_part_url=503@2',
          'get_upload_part_url=401@4',
          'list_file_names=503@1',
          'finish_large_file=503@1',
          'download_file_by_id=503@1',
          'download_file_by_id=reset-body@3',
        ],
      },
      async ({ directory, rclone }) => {
        const [source, target] = [join(directory, 'in'), join(directory, 'out')];
        const tree = { small: noise(1000, 11), large: noise(26_000_000, 12), larger: noise(31_000_000, 13) };
        writeTree(source, tree);
        await rclone('copy', source, ':b2:test-bucket');
        await rclone('copy', ':b2:test-bucket', target);
        assertSameTree(readTree(target), tree);
      },
    ));

  test('X-Bz-Test-Mode does what rclone’s --b2-test-mode expects', () =>
    withRclone({}, async ({ b2, directory, rclone }) => {
      const source = join(directory, 'in');
      writeTree(source, { small: noise(1000, 14), large: noise(21_000_000, 15) });
      await assert.rejects(
        rclone('copy', '--b2-test-mode', 'force_cap_exceeded', source, ':b2:test-bucket/a'),
        /cap_exceeded/,
      );
      for (const mode of ['fail_some_uploads', 'expire_some_account_authorization_tokens']) {
        await rclone('copy', '--b2-test-mode', mode, source, `:b2:test-bucket/${mode}`);
        assert.deepEqual(b2.bucket('test-bucket').read(`${mode}/large`), noise(21_000_000, 15));
      }
    }));

  test('a wrong key makes it fail at once', () =>
    withRclone({ key: 'wrong' }, async ({ rclone }) => {
      await assert.rejects(rclone(...ONCE, 'lsd', ':b2:'), /unauthorized|401/);
    }));
});

/** A large file that somebody began and left. */
async function startUnfinished(b2: B2Server, bucketId: string): Promise<{ json: Record<string, unknown> }> {
  const Authorization = `Basic ${Buffer.from(`${b2.keyId}:${b2.key}`).toString('base64')}`;
  const { authorizationToken } = (await (
    await fetch(`${b2.url}/b2api/v2/b2_authorize_account`, { headers: { Authorization } })
  ).json()) as { authorizationToken: string };
  const answer = await fetch(`${b2.url}/b2api/v2/b2_start_large_file`, {
    method: 'POST',
    headers: { Authorization: authorizationToken },
    body: JSON.stringify({ bucketId, fileName: 'left', contentType: 'a/b' }),
  });
  return { json: (await answer.json()) as Record<string, unknown> };
}
