import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, withServer } from './client.js';

const errorOf = (answer: { status: number; json: Readonly<Record<string, unknown>> }): unknown[] => [
  answer.status,
  answer.json['code'],
];

test('create, list, update, delete', () =>
  withServer({ buckets: [] }, async (_, client) => {
    const { accountId } = client;
    const created = await client.ask('b2_create_bucket', {
      accountId,
      bucketName: 'first-bucket',
      bucketType: 'allPrivate',
      bucketInfo: { a: 'b' },
      corsRules: null,
    });
    assert.equal(created['revision'], 2);
    assert.deepEqual(created['options'], ['s3']);
    assert.deepEqual(created['corsRules'], []);
    assert.deepEqual(created['defaultServerSideEncryption'], {
      isClientAuthorizedToRead: true,
      value: { mode: null, algorithm: null },
    });
    const { bucketId } = created;
    assert.match(String(bucketId), /^[0-9a-f]{24}$/);
    const again = await client.call('b2_create_bucket', {
      accountId,
      bucketName: 'FIRST-bucket',
      bucketType: 'allPrivate',
    });
    assert.deepEqual(errorOf(again), [400, 'duplicate_bucket_name']);

    const rule = {
      fileNamePrefix: '',
      daysFromHidingToDeleting: 1,
      daysFromUploadingToHiding: null,
      daysFromStartingToCancelingUnfinishedLargeFiles: 7,
    };
    const updated = await client.ask('b2_update_bucket', {
      accountId,
      bucketId,
      lifecycleRules: [rule],
      ifRevisionIs: 2,
    });
    assert.deepEqual([updated['revision'], updated['lifecycleRules']], [3, [rule]]);
    assert.deepEqual(
      errorOf(
        await client.call('b2_update_bucket', { accountId, bucketId, bucketInfo: {}, ifRevisionIs: 2 }),
      ),
      [409, 'conflict'],
    );

    await client.start(String(bucketId), 'unfinished');
    assert.deepEqual(errorOf(await client.call('b2_delete_bucket', { accountId, bucketId })), [
      400,
      'cannot_delete_non_empty_bucket',
    ]);
    const { files } = await client.ask('b2_list_unfinished_large_files', { bucketId });
    await client.ask('b2_cancel_large_file', { fileId: (files as { fileId: string }[])[0]?.fileId });
    await client.ask('b2_delete_bucket', { accountId, bucketId });
    assert.deepEqual(await client.ask('b2_list_buckets', { accountId }), { buckets: [] });
    assert.deepEqual(errorOf(await client.call('b2_delete_bucket', { accountId, bucketId })), [
      400,
      'bad_bucket_id',
    ]);
  }));

test('bad buckets are refused', () =>
  withServer({ foreignBuckets: ['somebody-elses'] }, async (_, client) => {
    const { accountId } = client;
    const cases: [Record<string, unknown>, string][] = [
      [{ bucketName: 'short' }, 'invalid_bucket_name'],
      [{ bucketName: 'b2-reserved' }, 'invalid_bucket_name'],
      [{ bucketName: 'under_score' }, 'invalid_bucket_name'],
      [{ bucketName: 'x'.repeat(64) }, 'invalid_bucket_name'],
      [{ bucketName: 'somebody-elses' }, 'duplicate_bucket_name'],
      [{ bucketName: 'good-name', bucketType: 'allSecret' }, 'bad_request'],
      [{ bucketName: 'good-name', lifecycleRules: [{ fileNamePrefix: '' }] }, 'bad_request'],
      [
        {
          bucketName: 'good-name',
          lifecycleRules: [
            { fileNamePrefix: 'a', daysFromHidingToDeleting: 1 },
            { fileNamePrefix: 'ab', daysFromHidingToDeleting: 1 },
          ],
        },
        'bad_request',
      ],
    ];
    for (const [fields, code] of cases) {
      assert.deepEqual(
        errorOf(await client.call('b2_create_bucket', { accountId, bucketType: 'allPrivate', ...fields })),
        [400, code],
        JSON.stringify(fields),
      );
    }
    assert.deepEqual(errorOf(await client.call('b2_list_buckets', { accountId, bucketTypes: [] })), [
      400,
      'bad_request',
    ]);
    assert.equal((await client.call('b2_list_buckets', { accountId, bucketTypes: ['all'] })).status, 200);
  }));

test('a key restricted to a bucket must name it; version 1 shows it anyway', () =>
  withServer({ buckets: ['test-bucket', 'other-bucket'] }, async (b2) => {
    const { bucketId } = b2.bucket('test-bucket');
    b2.addKey({
      keyId: 'narrow',
      key: 'secret',
      bucketIds: [bucketId],
      capabilities: ['listBuckets', 'writeBuckets'],
    });
    const client = await Client.authorized(b2, 'narrow', 'secret');
    const { accountId } = client;
    assert.deepEqual(errorOf(await client.call('b2_list_buckets', { accountId })), [401, 'unauthorized']);
    assert.deepEqual(
      errorOf(await client.call('b2_list_buckets', { accountId, bucketName: 'other-bucket' })),
      [401, 'unauthorized'],
    );
    for (const [body, version] of [
      [{ accountId }, 1],
      [{ accountId, bucketId }, 2],
      [{ accountId, bucketName: 'test-bucket' }, 3],
    ] as const) {
      const { buckets } = await client.ask('b2_list_buckets', body, { version });
      assert.deepEqual(
        (buckets as { bucketName: string }[]).map((bucket) => bucket.bucketName),
        ['test-bucket'],
      );
    }
    assert.deepEqual(
      errorOf(
        await client.call('b2_create_bucket', {
          accountId,
          bucketName: 'third-bucket',
          bucketType: 'allPrivate',
        }),
      ),
      [401, 'unauthorized'],
    );
    const { buckets } = await client.ask('b2_list_buckets', { accountId, bucketId });
    const [bucket] = buckets as Record<string, unknown>[];
    assert.deepEqual(bucket?.['fileLockConfiguration'], { isClientAuthorizedToRead: false, value: null });
  }));
