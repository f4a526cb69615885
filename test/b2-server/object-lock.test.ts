import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_CAPABILITIES } from '../support/b2-server/keys.js';
import { Client, uploadFile, withServer, type Answer } from './client.js';
import type { B2ServerOptions } from '../support/b2-server/server.js';

const DAY = 86_400_000;
const errorOf = (answer: Answer): unknown[] => [answer.status, answer.json['code']];

/** A server whose clock the test moves. */
function movable(): { options: B2ServerOptions; now: () => number; pass(ms: number): void } {
  let now = 1_700_000_000_000;
  return {
    options: {
      clock: { now: () => now, monotonic: () => performance.now(), sleep: () => Promise.resolve() },
      lifetimes: { accountTokenMs: Infinity },
    },
    now: () => now,
    pass: (ms) => void (now += ms),
  };
}

test('a locked version cannot be deleted before its time', async () => {
  const time = movable();
  await withServer(time.options, async (b2, client) => {
    const bucket = b2.createBucket('locked-bucket', { fileLockEnabled: true });
    const { bucketId } = bucket;
    const until = time.now() + DAY;
    const lock = (mode: string): Record<string, string> => ({
      'X-Bz-File-Retention-Mode': mode,
      'X-Bz-File-Retention-Retain-Until-Timestamp': String(until),
    });
    const pair = await client.uploadUrl(bucketId);
    for (const mode of ['governance', 'compliance']) {
      const { json } = await uploadFile(pair, mode, 'x', lock(mode));
      assert.deepEqual(json['fileRetention'], {
        isClientAuthorizedToRead: true,
        value: { mode, retainUntilTimestamp: until },
      });
      const target = { fileName: mode, fileId: json['fileId'] };
      assert.deepEqual(errorOf(await client.call('b2_delete_file_version', target)), [401, 'access_denied']);
      const bypassed = await client.call('b2_delete_file_version', { ...target, bypassGovernance: true });
      assert.equal(bypassed.status, mode === 'governance' ? 200 : 401);
      const { headers } = await client.get(`/file/locked-bucket/${mode}`);
      if (mode === 'compliance') assert.equal(headers['x-bz-file-retention-mode'], 'compliance');
    }
    time.pass(DAY);
    const [left] = bucket.versions();
    assert.equal(
      (await client.call('b2_delete_file_version', { fileName: left?.fileName, fileId: left?.fileId }))
        .status,
      200,
    );
    assert.deepEqual(bucket.versions(), []);
  });
});

test('large files get their lock at the start; legal hold has no end', async () => {
  const time = movable();
  await withServer(time.options, async (b2, client) => {
    const { bucketId } = b2.createBucket('locked-bucket', {
      fileLockEnabled: true,
      defaultRetention: { mode: 'governance', period: { duration: 2, unit: 'days' } },
    });
    const byDefault = await client.ask('b2_start_large_file', {
      bucketId,
      fileName: 'a',
      contentType: 'a/b',
    });
    assert.deepEqual((byDefault['fileRetention'] as { value: unknown }).value, {
      mode: 'governance',
      retainUntilTimestamp: time.now() + 2 * DAY,
    });
    const held = (
      await uploadFile(await client.uploadUrl(bucketId), 'h', 'x', { 'X-Bz-File-Legal-Hold': 'on' })
    ).json;
    const target = { fileName: 'h', fileId: held['fileId'] };
    time.pass(3 * DAY);
    assert.equal((await client.call('b2_delete_file_version', target)).status, 401);
    await client.ask('b2_update_file_legal_hold', { ...target, legalHold: 'off' });
    assert.equal((await client.call('b2_delete_file_version', target)).status, 200);
  });
});

test('retention grows freely and shrinks only by bypass; without a lock on the bucket there is none', async () => {
  const time = movable();
  await withServer(time.options, async (b2, client) => {
    const { bucketId } = b2.createBucket('locked-bucket', { fileLockEnabled: true });
    const update = (target: object, mode: string | null, days: number, more: object = {}): Promise<Answer> =>
      client.call('b2_update_file_retention', {
        ...target,
        fileRetention: { mode, retainUntilTimestamp: mode === null ? null : time.now() + days * DAY },
        ...more,
      });
    const pair = await client.uploadUrl(bucketId);
    const governed = { fileName: 'g', fileId: (await uploadFile(pair, 'g', 'x')).json['fileId'] };
    assert.equal((await update(governed, 'governance', 2)).status, 200);
    assert.equal((await update(governed, 'governance', 3)).status, 200);
    assert.deepEqual(errorOf(await update(governed, 'governance', 1)), [403, 'access_denied']);
    assert.equal((await update(governed, null, 0, { bypassGovernance: true })).status, 200);
    const complied = { fileName: 'c', fileId: (await uploadFile(pair, 'c', 'x')).json['fileId'] };
    assert.equal((await update(complied, 'compliance', 2)).status, 200);
    assert.deepEqual(errorOf(await update(complied, 'compliance', 1, { bypassGovernance: true })), [
      403,
      'access_denied',
    ]);
    assert.equal((await update(complied, 'compliance', 3)).status, 200);

    const plain = b2.bucket('test-bucket').put('p', Buffer.from('x'));
    const refused = await update({ fileName: 'p', fileId: plain.fileId }, 'governance', 1);
    assert.deepEqual(errorOf(refused), [400, 'bucket_missing_file_lock']);
    const retention = { mode: 'governance', retainUntilTimestamp: time.now() + DAY };
    const start = {
      bucketId: b2.bucket('test-bucket').bucketId,
      fileName: 'q',
      contentType: 'a/b',
      fileRetention: retention,
    };
    assert.deepEqual(errorOf(await client.call('b2_start_large_file', start)), [
      400,
      'bucket_missing_file_lock',
    ]);
    assert.deepEqual(
      errorOf(
        await client.call('b2_update_bucket', {
          accountId: client.accountId,
          bucketId,
          fileLockEnabled: false,
        }),
      ),
      [400, 'file_lock_conflict'],
    );
  });
});

test('who may not read or write retention sees and sets none', () =>
  withServer({}, async (b2) => {
    const { bucketId } = b2.createBucket('locked-bucket', { fileLockEnabled: true });
    b2.addKey({
      keyId: 'plain',
      key: 's',
      capabilities: ALL_CAPABILITIES.filter(
        (name) => !name.includes('Retention') && !name.includes('LegalHold'),
      ),
    });
    const client = await Client.authorized(b2, 'plain', 's');
    const { json } = await uploadFile(await client.uploadUrl(bucketId), 'f', 'x');
    assert.deepEqual(json['fileRetention'], { isClientAuthorizedToRead: false, value: null });
    const fileRetention = { mode: 'governance', retainUntilTimestamp: Date.now() + DAY };
    const refused = await client.call('b2_start_large_file', {
      bucketId,
      fileName: 'g',
      contentType: 'a/b',
      fileRetention,
    });
    assert.deepEqual(errorOf(refused), [401, 'unauthorized']);
  }));
