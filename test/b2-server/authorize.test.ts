import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorize, Client, send, withServer } from './client.js';

test('the answer has the shape of its API version', () =>
  withServer({}, async (b2) => {
    const answers = await Promise.all(
      [1, 2, 3, 4].map(async (version) => (await authorize(b2, version)).json),
    );
    const [v1, v2, v3, v4] = answers;
    for (const flat of [v1, v2]) {
      assert.equal(flat?.['apiUrl'], b2.url);
      assert.equal(flat['downloadUrl'], b2.url);
      assert.equal(flat['absoluteMinimumPartSize'], 5_000_000);
      assert.equal(flat['recommendedPartSize'], 100_000_000);
    }
    assert.equal(v1?.['minimumPartSize'], 100_000_000);
    assert.equal(v2?.['minimumPartSize'], undefined);
    assert.deepEqual(Object.keys(v2?.['allowed'] as object).sort(), [
      'bucketId',
      'bucketName',
      'capabilities',
      'namePrefix',
    ]);
    const storage3 = (v3?.['apiInfo'] as { storageApi: Record<string, unknown> }).storageApi;
    assert.equal(storage3['infoType'], 'storageApi');
    assert.equal(storage3['bucketId'], null);
    assert.ok(Array.isArray(storage3['capabilities']));
    const storage4 = (v4?.['apiInfo'] as { storageApi: Record<string, unknown> }).storageApi;
    assert.equal(storage4['infoType'], undefined);
    assert.equal((storage4['allowed'] as { buckets: unknown }).buckets, null);
    assert.equal(v4?.['applicationKeyExpirationTimestamp'], null);
  }));

test('POST with an empty object authorizes too', () =>
  withServer({}, async (b2) => {
    const Authorization = `Basic ${Buffer.from(`${b2.keyId}:${b2.key}`).toString('base64')}`;
    const answer = await send('POST', `${b2.url}/b2api/v2/b2_authorize_account`, { Authorization }, '{}');
    assert.equal(answer.status, 200);
  }));

test('a restricted key learns its bucket and prefix', () =>
  withServer({}, async (b2) => {
    const { bucketId } = b2.bucket('test-bucket');
    b2.addKey({
      keyId: 'narrow',
      key: 'secret',
      bucketIds: [bucketId],
      namePrefix: 'p/',
      capabilities: ['listFiles'],
    });
    const v2 = await authorize(b2, 2, 'narrow', 'secret');
    assert.deepEqual(v2.json['allowed'], {
      capabilities: ['listFiles'],
      bucketId,
      bucketName: 'test-bucket',
      namePrefix: 'p/',
    });
    const v4 = await authorize(b2, 4, 'narrow', 'secret');
    const { storageApi } = v4.json['apiInfo'] as { storageApi: { allowed: unknown } };
    assert.deepEqual(storageApi.allowed, {
      buckets: [{ id: bucketId, name: 'test-bucket' }],
      capabilities: ['listFiles'],
      namePrefix: 'p/',
    });
  }));

test('keys of several buckets, and those that version 4 made for one, need version 4', () =>
  withServer({ buckets: ['test-bucket', 'other-bucket'] }, async (b2) => {
    const bucketIds = [b2.bucket('test-bucket').bucketId, b2.bucket('other-bucket').bucketId];
    b2.addKey({ keyId: 'two', key: 'secret', bucketIds });
    const v3 = await authorize(b2, 3, 'two', 'secret');
    assert.deepEqual([v3.status, v3.json['code']], [400, 'bad_request']);
    assert.match(String(v3.json['message']), /not currently supported on API version number 3/);
    assert.equal((await authorize(b2, 4, 'two', 'secret')).status, 200);
    for (const [keyId, madeByVersion, statuses] of [
      ['new', 4, [400, 400, 400, 200]],
      ['old', 3, [200, 200, 200, 200]],
    ] as const) {
      b2.addKey({ keyId, key: 'secret', bucketIds: bucketIds.slice(0, 1), madeByVersion });
      const answers = await Promise.all(
        [1, 2, 3, 4].map((version) => authorize(b2, version, keyId, 'secret')),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        statuses,
      );
    }
  }));

test('a wrong key is 401, and says so to browsers too', () =>
  withServer({}, async (b2) => {
    for (const [keyId, key] of [
      [b2.keyId, 'wrong'],
      ['nobody', b2.key],
      ['', ''],
    ] as const) {
      const answer = await authorize(b2, 2, keyId, key);
      assert.deepEqual(
        [answer.status, answer.json['code'], answer.json['status']],
        [401, 'unauthorized', 401],
      );
      assert.equal(answer.headers['www-authenticate'], 'BASIC realm="authorize_account"');
    }
  }));

test('tokens expire; wrong ones were never valid', () =>
  withServer({}, async (b2, client) => {
    const body = { accountId: client.accountId };
    assert.equal((await client.call('b2_list_buckets', body)).status, 200);
    b2.expireTokens();
    const expired = await client.call('b2_list_buckets', body);
    assert.deepEqual([expired.status, expired.json['code']], [401, 'expired_auth_token']);
    client.token = 'made up';
    const wrong = await client.call('b2_list_buckets', body);
    assert.deepEqual([wrong.status, wrong.json['code']], [401, 'bad_auth_token']);
    assert.equal((await (await Client.authorized(b2)).call('b2_list_buckets', body)).status, 200);
  }));

test('token lifetimes follow the clock', async () => {
  let now = 1_700_000_000_000;
  const clock = { now: () => now, monotonic: () => performance.now(), sleep: () => Promise.resolve() };
  await withServer({ clock, lifetimes: { accountTokenMs: 1000 } }, async (_, client) => {
    const body = { accountId: client.accountId };
    now += 999;
    assert.equal((await client.call('b2_list_buckets', body)).status, 200);
    now += 1;
    assert.equal((await client.call('b2_list_buckets', body)).json['code'], 'expired_auth_token');
  });
});

test('every answer has a date; paths that are not B2’s and unknown calls are refused as JSON', () =>
  withServer({}, async (b2, client) => {
    for (const answer of [
      await client.get('/nowhere'),
      await client.call('b2_make_coffee', {}),
      await client.get('/b2api/v9/b2_list_buckets'),
    ]) {
      assert.equal(answer.status, 400);
      assert.equal(answer.json['status'], 400);
      assert.equal(typeof answer.json['message'], 'string');
      assert.ok(Math.abs(Date.parse(answer.headers.date ?? '') - Date.now()) < 60_000);
    }
    const head = await client.get('/file/test-bucket/absent', {}, 'HEAD');
    assert.deepEqual([head.status, head.body.length], [404, 0]);
    assert.equal(b2.requests.at(-1)?.code, 'not_found');
  }));
