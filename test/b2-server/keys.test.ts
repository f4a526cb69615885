import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_CAPABILITIES, type Capability } from '../support/b2-server/keys.js';
import { Client, uploadFile, withServer, type Answer } from './client.js';

const errorOf = (answer: Answer): unknown[] => [answer.status, answer.json['code']];

test('each call needs its capability: without it 401 unauthorized, with it alone it works', () =>
  withServer({}, async (b2) => {
    const bucket = b2.bucket('test-bucket');
    const { bucketId } = bucket;
    const { accountId } = b2.account;
    const fileId = bucket.put('f', Buffer.from('x')).fileId;
    const calls: [Capability, string, () => Record<string, unknown>][] = [
      ['listBuckets', 'b2_list_buckets', () => ({ accountId })],
      ['writeBuckets', 'b2_update_bucket', () => ({ accountId, bucketId, bucketInfo: {} })],
      ['listFiles', 'b2_list_file_names', () => ({ bucketId })],
      ['listFiles', 'b2_list_file_versions', () => ({ bucketId })],
      ['listFiles', 'b2_list_unfinished_large_files', () => ({ bucketId })],
      ['readFiles', 'b2_get_file_info', () => ({ fileId })],
      [
        'shareFiles',
        'b2_get_download_authorization',
        () => ({ bucketId, fileNamePrefix: '', validDurationInSeconds: 1 }),
      ],
      ['writeFiles', 'b2_get_upload_url', () => ({ bucketId })],
      ['writeFiles', 'b2_start_large_file', () => ({ bucketId, fileName: 'g', contentType: 'a/b' })],
      ['writeFiles', 'b2_hide_file', () => ({ bucketId, fileName: 'f' })],
      ['deleteFiles', 'b2_delete_file_version', () => ({ fileName: 'f', fileId })],
      ['listKeys', 'b2_list_keys', () => ({ accountId })],
      ['writeKeys', 'b2_create_key', () => ({ accountId, keyName: 'k', capabilities: ['writeKeys'] })],
    ];
    for (const [capability, operation, body] of calls) {
      b2.addKey({
        keyId: 'without',
        key: 's',
        capabilities: ALL_CAPABILITIES.filter((name) => name !== capability),
      });
      b2.addKey({ keyId: 'only', key: 's', capabilities: [capability] });
      const refused = await (await Client.authorized(b2, 'without', 's')).call(operation, body());
      assert.deepEqual(errorOf(refused), [401, 'unauthorized'], operation);
      assert.match(String(refused.json['message']), new RegExp(capability));
      const allowed = await (await Client.authorized(b2, 'only', 's')).call(operation, body());
      assert.equal(allowed.status, 200, `${operation}: ${allowed.body.toString()}`);
    }
  }));

test('a key of one bucket and prefix stays inside', () =>
  withServer({ buckets: ['test-bucket', 'other-bucket'] }, async (b2) => {
    const own = b2.bucket('test-bucket');
    const other = b2.bucket('other-bucket');
    const { bucketId } = own;
    b2.addKey({ keyId: 'narrow', key: 's', bucketIds: [bucketId], namePrefix: 'p/' });
    const client = await Client.authorized(b2, 'narrow', 's');
    const outsideName = own.put('q/f', Buffer.from('x'));
    const outsideBucket = other.put('p/f', Buffer.from('x'));
    const inside = own.put('p/f', Buffer.from('x'));
    const unauthorized: [string, Record<string, unknown>][] = [
      ['b2_list_file_names', { bucketId }],
      ['b2_list_file_names', { bucketId, prefix: 'q/' }],
      ['b2_list_file_names', { bucketId: other.bucketId, prefix: 'p/' }],
      ['b2_list_unfinished_large_files', { bucketId, namePrefix: '' }],
      ['b2_start_large_file', { bucketId, fileName: 'q/g', contentType: 'a/b' }],
      ['b2_get_upload_url', { bucketId: other.bucketId }],
      ['b2_get_file_info', { fileId: outsideName.fileId }],
      ['b2_get_file_info', { fileId: outsideBucket.fileId }],
      ['b2_delete_file_version', { fileName: 'q/f', fileId: outsideName.fileId }],
      ['b2_hide_file', { bucketId, fileName: 'q/f' }],
      ['b2_get_download_authorization', { bucketId, fileNamePrefix: '', validDurationInSeconds: 1 }],
    ];
    for (const [operation, body] of unauthorized)
      assert.deepEqual(errorOf(await client.call(operation, body)), [401, 'unauthorized'], operation);
    assert.deepEqual(errorOf(await client.get('/file/test-bucket/q/f')), [401, 'unauthorized']);
    assert.deepEqual(errorOf(await client.get('/file/other-bucket/p/f')), [401, 'unauthorized']);
    assert.deepEqual(errorOf(await uploadFile(await client.uploadUrl(bucketId), 'q/g', 'x')), [
      401,
      'unauthorized',
    ]);

    assert.equal((await uploadFile(await client.uploadUrl(bucketId), 'p/g', 'x')).status, 200);
    assert.equal((await client.get('/file/test-bucket/p/f')).status, 200);
    assert.equal((await client.call('b2_list_file_names', { bucketId, prefix: 'p/' })).status, 200);
    assert.equal(
      (await client.call('b2_delete_file_version', { fileName: 'p/f', fileId: inside.fileId })).status,
      200,
    );
  }));

test('keys are made, listed and deleted, and their tokens die with them', () =>
  withServer({}, async (b2, client) => {
    const { accountId } = client;
    const { bucketId } = b2.bucket('test-bucket');
    const made = await client.ask('b2_create_key', {
      accountId,
      keyName: 'backup',
      capabilities: ['listBuckets'],
      bucketId,
      validDurationInSeconds: 1000,
    });
    const keyId = String(made['applicationKeyId']);
    const made4 = await client.ask(
      'b2_create_key',
      { accountId, keyName: 'backup4', capabilities: ['listBuckets'], bucketIds: [bucketId] },
      { version: 4 },
    );
    assert.deepEqual([made['bucketId'], made4['bucketIds']], [bucketId, [bucketId]]);
    const { keys } = await client.ask('b2_list_keys', { accountId });
    assert.ok(
      (keys as { applicationKeyId: string; applicationKey?: string }[]).every(
        (key) => key.applicationKey === undefined,
      ),
    );
    assert.ok((keys as { applicationKeyId: string }[]).some((key) => key.applicationKeyId === keyId));
    const other = await Client.authorized(b2, keyId, String(made['applicationKey']));
    assert.equal((await other.call('b2_list_buckets', { accountId, bucketId })).status, 200);
    assert.deepEqual(
      errorOf(await other.call('b2_create_key', { accountId, keyName: 'x', capabilities: ['listBuckets'] })),
      [401, 'unauthorized'],
    );
    await client.ask('b2_delete_key', { applicationKeyId: keyId });
    assert.deepEqual(errorOf(await other.call('b2_list_buckets', { accountId, bucketId })), [
      401,
      'bad_auth_token',
    ]);
    for (const body of [
      { keyName: 'bad name' },
      { capabilities: ['fly'] },
      { validDurationInSeconds: 0 },
      { namePrefix: 'p' },
    ]) {
      assert.equal(
        (
          await client.call('b2_create_key', {
            accountId,
            keyName: 'k',
            capabilities: ['listFiles'],
            ...body,
          })
        ).status,
        400,
        JSON.stringify(body),
      );
    }
  }));
