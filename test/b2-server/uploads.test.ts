import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { sha1Of, uploadFile, uploadPart, withServer, type Pair } from './client.js';

const errorOf = (answer: { status: number; json: Readonly<Record<string, unknown>> }): unknown[] => [
  answer.status,
  answer.json['code'],
];

test('a file goes up and is described as B2 describes it', () =>
  withServer({}, async (b2, client) => {
    const bucket = b2.bucket('test-bucket');
    const pair = await client.uploadUrl(bucket.bucketId);
    const { status, json } = await uploadFile(pair, 'Größe+1 %/a b.txt', 'hello', {
      'Content-Type': 'b2/x-auto',
      'X-Bz-Info-Src_Last_Modified_Millis': '1700000000000',
      'X-Bz-Info-note': 'a%20b%2Bc',
    });
    assert.equal(status, 200);
    assert.equal(json['fileName'], 'Größe+1 %/a b.txt');
    assert.equal(json['action'], 'upload');
    assert.equal(json['contentType'], 'text/plain');
    assert.equal(json['contentSha1'], sha1Of('hello'));
    assert.equal(json['contentMd5'], createHash('md5').update('hello').digest('hex'));
    assert.deepEqual(json['fileInfo'], { src_last_modified_millis: '1700000000000', note: 'a b+c' });
    assert.deepEqual(json['fileRetention'], {
      isClientAuthorizedToRead: true,
      value: { mode: null, retainUntilTimestamp: null },
    });
    assert.match(
      String(json['fileId']),
      new RegExp(`^4_z${bucket.bucketId}_f[0-9a-f]+_d\\d{8}_m\\d{6}_c\\d{3}_v\\d+_t\\d+_u\\d+$`),
    );
    assert.equal(bucket.read('Größe+1 %/a b.txt').toString(), 'hello');
  }));

test('every form of SHA-1 is held to what it says', () =>
  withServer({}, async (b2, client) => {
    const bucket = b2.bucket('test-bucket');
    const upload = async (content: string, claim: string): Promise<unknown[]> => {
      const answer = await uploadFile(await client.uploadUrl(bucket.bucketId), 'f', content, {
        'X-Bz-Content-Sha1': claim,
      });
      return [
        answer.status,
        answer.json['contentSha1'] ?? answer.json['message'],
        answer.json['contentLength'],
      ];
    };
    const sha1 = sha1Of('data');
    assert.deepEqual(await upload('data', sha1.toUpperCase()), [200, sha1, 4]);
    assert.deepEqual(await upload(`data${sha1}`, 'hex_digits_at_end'), [200, sha1, 4]);
    assert.deepEqual(await upload('data', 'do_not_verify'), [200, `unverified:${sha1}`, 4]);
    assert.equal(bucket.versions().length, 3);
    const mismatch = [400, 'Checksum did not match data received', undefined];
    assert.deepEqual(await upload('data', sha1Of('date')), mismatch);
    assert.deepEqual(await upload(`date${sha1}`, 'hex_digits_at_end'), mismatch);
    assert.deepEqual(await upload('data', 'nonsense'), [
      400,
      'Invalid X-Bz-Content-Sha1: nonsense',
      undefined,
    ]);
    assert.equal(bucket.versions().length, 3);
  }));

test('names and file info outside B2’s rules are refused', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    const names = [
      '',
      '/a',
      'a/',
      'a//b',
      'a\\b',
      'a\u0001',
      'a\u007f',
      'x'.repeat(251),
      `${'x/'.repeat(512)}x`,
    ];
    for (const name of names) {
      assert.deepEqual(
        errorOf(await uploadFile(await client.uploadUrl(bucketId), name, '')),
        [400, 'bad_request'],
        name,
      );
      assert.deepEqual(
        errorOf(await client.call('b2_start_large_file', { bucketId, fileName: name, contentType: 'a/b' })),
        [400, 'bad_request'],
        name,
      );
    }
    const infos: Record<string, string>[] = [
      { 'b2-mine': 'x' },
      { 'a b': 'x' },
      { ['k'.repeat(51)]: 'x' },
      { k: 'x'.repeat(7000) },
    ];
    for (const fileInfo of infos) {
      const answer = await client.call('b2_start_large_file', {
        bucketId,
        fileName: 'f',
        contentType: 'a/b',
        fileInfo,
      });
      assert.deepEqual(errorOf(answer), [400, 'bad_request'], JSON.stringify(fileInfo).slice(0, 40));
    }
    assert.deepEqual(b2.bucket('test-bucket').versions(), []);
  }));

test('a pair serves many uploads in a row, only with its own token, and dies with the first it rejects', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    const pair = await client.uploadUrl(bucketId);
    const other = await client.uploadUrl(bucketId);
    assert.notEqual(pair.uploadUrl, other.uploadUrl);
    for (const name of ['a', 'b', 'c']) assert.equal((await uploadFile(pair, name, name)).status, 200);
    for (const authorizationToken of [other.authorizationToken, client.token, 'made up']) {
      assert.deepEqual(errorOf(await uploadFile({ ...pair, authorizationToken }, 'd', 'd')), [
        401,
        'bad_auth_token',
      ]);
    }
    assert.equal((await uploadFile(pair, 'd', 'd')).status, 200);
    assert.equal((await uploadFile(pair, 'e', 'e', { 'X-Bz-Content-Sha1': sha1Of('f') })).status, 400);
    assert.deepEqual(errorOf(await uploadFile(pair, 'e', 'e')), [401, 'bad_auth_token']);
    b2.expireTokens();
    assert.deepEqual(errorOf(await uploadFile(other, 'e', 'e')), [401, 'expired_auth_token']);
    assert.deepEqual(b2.bucket('test-bucket').names(), ['a', 'b', 'c', 'd']);
  }));

/** Starts an upload that sends half of its body and then waits. */
async function begin(
  { uploadUrl, authorizationToken }: Pair,
  content: Buffer,
): Promise<ReturnType<typeof httpRequest>> {
  const request = httpRequest(uploadUrl, {
    method: 'POST',
    agent: false,
    headers: {
      Authorization: authorizationToken,
      'X-Bz-File-Name': 'slow',
      'Content-Type': 'text/plain',
      'Content-Length': content.length,
      'X-Bz-Content-Sha1': sha1Of(content),
    },
  });
  await new Promise<void>((resolve) =>
    request.write(content.subarray(0, content.length / 2), () => {
      resolve();
    }),
  );
  return request;
}

test('two uploads at once by one pair: the second gets auth_token_limit, the first goes on', () =>
  withServer({}, async (b2, client) => {
    const pair = await client.uploadUrl(b2.bucket('test-bucket').bucketId);
    const content = Buffer.alloc(1000, 1);
    const slow = await begin(pair, content);
    await arrived(() => b2.requests.some((entry) => entry.fileName === 'slow'));
    const second = await uploadFile(pair, 'second', 'x');
    assert.deepEqual(errorOf(second), [400, 'auth_token_limit']);
    assert.equal(second.json['message'], `more than one upload using auth token ${pair.authorizationToken}`);
    slow.end(content.subarray(500));
    const [response] = (await once(slow, 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 200);
    assert.deepEqual(b2.bucket('test-bucket').read('slow'), content);
  }));

for (const [pairAfterBreak, next] of [
  ['busy', [400, 'auth_token_limit']],
  ['free', [200, undefined]],
] as const) {
  test(`a body that breaks off stores nothing, and its pair is ${pairAfterBreak}`, () =>
    withServer({ pairAfterBreak }, async (b2, client) => {
      const pair = await client.uploadUrl(b2.bucket('test-bucket').bucketId);
      const slow = await begin(pair, Buffer.alloc(1000, 1));
      await arrived(() => b2.requests.some((entry) => entry.fileName === 'slow'));
      slow.on('error', () => undefined);
      slow.destroy();
      await arrived(() => b2.requests.every((entry) => entry.endedAtMs !== undefined));
      assert.deepEqual(b2.bucket('test-bucket').names(), []);
      assert.deepEqual(errorOf(await uploadFile(pair, 'again', 'x')), next);
    }));
}

test('no length, or chunked coding: 400 before the body', () =>
  withServer({}, async (b2, client) => {
    const pair = await client.uploadUrl(b2.bucket('test-bucket').bucketId);
    const headers = {
      Authorization: pair.authorizationToken,
      'X-Bz-File-Name': 'f',
      'Content-Type': 'a/b',
      'X-Bz-Content-Sha1': 'do_not_verify',
    };
    const request = httpRequest(pair.uploadUrl, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'Transfer-Encoding': 'chunked' },
    });
    request.on('error', () => undefined);
    request.write('never ends');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const text = ((await response.setEncoding('utf8').toArray()) as string[]).join('');
    assert.equal(response.statusCode, 400);
    assert.match(text, /Missing header: Content-Length/);
  }));

test('missing and forbidden headers are named', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    const fileId = await client.start(bucketId, 'large');
    const wrong = await uploadPart(await client.partUrl(fileId), 0, 'x');
    assert.match(String(wrong.json['message']), /Part number must be between 1 and 10000/);
    assert.equal((await uploadPart(await client.partUrl(fileId), 10_001, 'x')).status, 400);
    assert.equal((await uploadPart(await client.partUrl(fileId), 1, '')).status, 400);
    const forbidden = await uploadFile(await client.uploadUrl(bucketId), 'f', 'x', {
      'Content-Encoding': 'gzip',
    });
    assert.match(String(forbidden.json['message']), /content-encoding/);
  }));

/** Resolves once the server has come so far. */
async function arrived(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
