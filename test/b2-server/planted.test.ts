import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  authorize,
  Client,
  send,
  sha1Of,
  uploadFile,
  uploadPart,
  withServer,
  type Answer,
} from './client.js';
import type { B2Server } from '../support/b2-server/server.js';

const BODY = Buffer.alloc(300_000, 'b');
const errorOf = (answer: Answer): unknown[] => [answer.status, answer.json['code']];

/** A running server with a large file and a pair for its parts. */
function withPart(
  rule: string,
  test: (b2: B2Server, client: Client, part: () => Promise<Answer>, fileId: string) => Promise<void>,
): Promise<void> {
  return withServer({ minPartBytes: 1 }, async (b2, client) => {
    const fileId = await client.start(b2.bucket('test-bucket').bucketId, 'large');
    const pair = await client.partUrl(fileId);
    b2.faults.add(rule);
    await test(b2, client, () => uploadPart(pair, 1, BODY), fileId);
    assert.deepEqual(b2.faults.unfired, []);
  });
}

const storedParts = (b2: B2Server): number =>
  b2
    .bucket('test-bucket')
    .unfinished()
    .reduce((sum, file) => sum + file.parts.size, 0);
const hasReset = (error: Error & { code?: string }): boolean =>
  error.code === 'ECONNRESET' || error.code === 'EPIPE';

for (const [rule, status, code] of [
  ['upload_part=503@1', 503, 'service_unavailable'],
  ['upload_part=500@1', 500, 'internal_error'],
  ['upload_part=408@1', 408, 'request_timeout'],
  ['upload_part=401@1', 401, 'expired_auth_token'],
  ['upload_part=401:bad_auth_token@1', 401, 'bad_auth_token'],
  ['upload_part=cap@1', 403, 'storage_cap_exceeded'],
] as const) {
  test(`${rule}: nothing stored, and the pair is dead`, () =>
    withPart(rule, async (b2, _, part) => {
      const refused = await part();
      assert.deepEqual(errorOf(refused), [status, code]);
      assert.equal(refused.headers['retry-after'], undefined);
      assert.equal(storedParts(b2), 0);
      assert.deepEqual(errorOf(await part()), [401, 'bad_auth_token']);
      assert.deepEqual(
        b2.parts.map((record) => [record.receivedBytes, record.stored]),
        [[BODY.length, false]],
      );
    }));
}

test('429 leaves the pair alive, with and without Retry-After', () =>
  withPart('upload_part=429:7@1', async (b2, _, part) => {
    const limited = await part();
    assert.deepEqual([...errorOf(limited), limited.headers['retry-after']], [429, 'too_many_requests', '7']);
    b2.faults.add('upload_part=429@1');
    assert.equal((await part()).headers['retry-after'], undefined);
    assert.equal((await part()).status, 200);
  }));

test('resets before, inside and after the body store nothing', async () => {
  for (const [rule, receivedBytes] of [
    ['upload_part=reset-before@1', undefined],
    ['upload_part=reset-body:100000@1', 100_000],
    ['upload_part=reset-after@1', BODY.length],
  ] as const) {
    await withPart(rule, async (b2, _, part) => {
      await assert.rejects(part(), hasReset, rule);
      assert.equal(storedParts(b2), 0);
      const [record] = b2.parts;
      if (receivedBytes === undefined) {
        assert.equal(record, undefined);
        return;
      }
      assert.ok(record !== undefined && record.receivedBytes >= receivedBytes && !record.stored);
      assert.equal(record.sha1, sha1Of(BODY.subarray(0, record.receivedBytes)));
      assert.deepEqual(errorOf(await part()), [400, 'auth_token_limit']);
    });
  }
});

test('a lost answer: everything done, the connection gone', async () => {
  await withPart('upload_part=lost@1', async (b2, _, part) => {
    await assert.rejects(part(), hasReset);
    assert.equal(storedParts(b2), 1);
  });
  await withServer({ minPartBytes: 1, faults: ['finish_large_file=lost@1'] }, async (b2, client) => {
    const fileId = await client.start(b2.bucket('test-bucket').bucketId, 'large');
    const pair = await client.partUrl(fileId);
    for (const number of [1, 2]) await uploadPart(pair, number, 'x');
    const finish = { fileId, partSha1Array: [sha1Of('x'), sha1Of('x')] };
    await assert.rejects(client.call('b2_finish_large_file', finish), hasReset);
    assert.deepEqual(errorOf(await client.call('b2_finish_large_file', finish)), [400, 'bad_request']);
    assert.equal((await client.ask('b2_get_file_info', { fileId }))['action'], 'upload');
  });
});

test('a stall ends when the client gives up, or after its time', async () => {
  await withPart('upload_part=stall-body:1000@1', async (b2, _, part) => {
    const given = await Promise.race([
      part().then(String),
      arrived(() => b2.faults.fired() === 1).then(() => 'stalled'),
    ]);
    assert.equal(given, 'stalled');
    b2.resetConnections();
  });
  await withPart('upload_part=stall-answer:5@1', async (b2, _, part) => {
    assert.equal((await part()).status, 200);
    assert.equal(storedParts(b2), 1);
  });
  await withPart('upload_part=stall-answer@1', async (b2, _, part) => {
    const pending = part();
    await arrived(() => storedParts(b2) === 1);
    b2.resetConnections();
    await assert.rejects(pending, hasReset);
  });
});

test('an early answer comes before the body has been read', () =>
  withPart('upload_part=400-early@1', async (b2, client, _, fileId) => {
    const huge = Buffer.alloc(32_000_000);
    const answer = await uploadPart(await client.partUrl(fileId), 1, huge).catch((error: unknown) => error);
    // The client sees the answer, or the broken pipe if it wrote on: both happen with the real B2.
    if (answer instanceof Error) assert.ok(hasReset(answer), answer.message);
    else assert.equal((answer as Answer).status, 400);
    const [record] = b2.parts;
    assert.ok(record !== undefined && record.receivedBytes < huge.length && !record.stored);
  }));

test('a wrong SHA-1 in the answer; what is stored is right', () =>
  withPart('upload_part=wrong-sha1@1', async (b2, _, part) => {
    assert.equal((await part()).json['contentSha1'], '0'.repeat(40));
    assert.equal(b2.bucket('test-bucket').unfinished()[0]?.parts.get(1)?.contentSha1, sha1Of(BODY));
  }));

test('a full vault refuses this file’s parts and URLs for good, no other file’s', () =>
  withPart('upload_part=full-vault@1', async (b2, client, part, fileId) => {
    const refused = await part();
    assert.deepEqual([refused.status, refused.json['message']], [503, 'No uploads available in vault 1000']);
    assert.equal((await client.call('b2_get_upload_part_url', { fileId })).status, 503);
    assert.equal((await client.call('b2_get_upload_part_url', { fileId })).status, 503);
    assert.equal(b2.faults.fired(), 1);
    const other = await client.start(b2.bucket('test-bucket').bucketId, 'large');
    assert.equal((await uploadPart(await client.partUrl(other), 1, BODY)).status, 200);
  }));

test('faults strike JSON calls and authorization as well', () =>
  withServer({}, async (b2, client) => {
    const body = { accountId: client.accountId, bucketName: 'next-bucket', bucketType: 'allPrivate' };
    b2.faults.add('create_bucket=503@1');
    assert.equal((await client.call('b2_create_bucket', body)).status, 503);
    assert.throws(() => b2.bucket('next-bucket'));
    b2.faults.add('create_bucket=401@2');
    assert.deepEqual(errorOf(await client.call('b2_create_bucket', body)), [200, undefined]);
    assert.deepEqual(errorOf(await client.call('b2_create_bucket', body)), [401, 'expired_auth_token']);
    assert.deepEqual(errorOf(await client.call('b2_list_buckets', { accountId: client.accountId })), [
      401,
      'expired_auth_token',
    ]);
    b2.faults.add('authorize_account=reset-before@1');
    await assert.rejects(authorize(b2, 2), hasReset);
    assert.equal((await authorize(b2, 2)).status, 200);
    assert.deepEqual(b2.faults.unfired, []);
    assert.equal(b2.requests.find((entry) => entry.fault === 'create_bucket=503@1')?.status, 503);
  }));

test('downloads break, stall and lie', () =>
  withServer({}, async (b2, client) => {
    const content = Buffer.alloc(100_000, 'd');
    b2.bucket('test-bucket').put('f', content);
    for (const rule of [
      'download_file_by_name=reset-body:5000@1',
      'download_file_by_name=503@2',
      'download_file_by_name=flip-bit:77@3',
      'download_file_by_name=wrong-sha1@4',
    ])
      b2.faults.add(rule);
    await assert.rejects(client.get('/file/test-bucket/f'));
    assert.equal((await client.get('/file/test-bucket/f')).status, 503);
    const flipped = await client.get('/file/test-bucket/f');
    assert.equal(flipped.body.length, content.length);
    assert.deepEqual(
      [...flipped.body.entries()].filter(([at, byte]) => byte !== content[at]).map(([at]) => at),
      [77],
    );
    assert.equal((await client.get('/file/test-bucket/f')).headers['x-bz-content-sha1'], '0'.repeat(40));
    assert.deepEqual((await client.get('/file/test-bucket/f')).body, content);
    assert.deepEqual(b2.faults.unfired, []);
  }));

test('the test modes of X-Bz-Test-Mode', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    const capped = await client.call(
      'b2_get_upload_url',
      { bucketId },
      { headers: { 'X-Bz-Test-Mode': 'force_cap_exceeded' } },
    );
    assert.deepEqual(errorOf(capped), [403, 'cap_exceeded']);
    const statuses = new Set<number>();
    for (let count = 0; count < 40; count++) {
      statuses.add(
        (
          await uploadFile(await client.uploadUrl(bucketId), 'f', 'x', {
            'X-Bz-Test-Mode': 'fail_some_uploads',
          })
        ).status,
      );
    }
    assert.deepEqual([...statuses].sort(), [200, 503]);
    let expired = 0;
    for (let count = 0; count < 10; count++) {
      const short = await Client.authorized(b2, b2.keyId, b2.key, {
        'X-Bz-Test-Mode': 'expire_some_account_authorization_tokens',
      });
      const answers = await Promise.all(
        Array.from({ length: 11 }, () => short.call('b2_list_buckets', { accountId: short.accountId })),
      );
      if (answers.some((answer) => answer.json['code'] === 'expired_auth_token')) expired += 1;
    }
    assert.ok(expired > 0 && expired < 10, `${expired}`);
  }));

test('a dead connection is not a defect of the server', () =>
  withServer({}, async (b2) => {
    await assert.rejects(send('POST', b2.url.replace('http', 'https'), {}));
    assert.deepEqual(b2.defects, []);
  }));

/** Resolves once the server has come so far. */
async function arrived(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
