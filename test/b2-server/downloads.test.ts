import assert from 'node:assert/strict';
import { test } from 'node:test';
import { send, sha1Of, uploadPart, withServer, type Answer } from './client.js';
import { readRange } from '../support/b2-server/downloads.js';

const errorOf = (answer: Answer): unknown[] => [answer.status, answer.json['code']];

test('by name and by id, GET, POST and HEAD', () =>
  withServer({}, async (b2, client) => {
    const file = b2.bucket('test-bucket').put('dir/ä b', Buffer.from('0123456789'), {
      contentType: 'text/x',
      fileInfo: { note: 'a b', 'b2-content-language': 'de' },
    });
    const byName = await client.get('/file/test-bucket/dir/%C3%A4+b');
    assert.deepEqual([byName.status, byName.body.toString()], [200, '0123456789']);
    const { headers } = byName;
    assert.deepEqual(
      [
        headers['content-length'],
        headers['content-type'],
        headers['accept-ranges'],
        headers['x-bz-file-id'],
        headers['x-bz-file-name'],
        headers['x-bz-content-sha1'],
      ],
      ['10', 'text/x', 'bytes', file.fileId, 'dir/%C3%A4%20b', sha1Of('0123456789')],
    );
    assert.deepEqual([headers['x-bz-info-note'], headers['content-language']], ['a%20b', 'de']);
    assert.equal(headers['x-bz-upload-timestamp'], String(file.uploadTimestamp));
    const head = await client.get('/file/test-bucket/dir/%C3%A4%20b', {}, 'HEAD');
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '10', 0]);
    const byId = await client.get(`/b2api/v2/b2_download_file_by_id?fileId=${file.fileId}`);
    assert.equal(byId.body.toString(), '0123456789');
    const posted = await send(
      'POST',
      `${b2.url}/b2api/v3/b2_download_file_by_id`,
      { Authorization: client.token },
      JSON.stringify({ fileId: file.fileId }),
    );
    assert.equal(posted.body.toString(), '0123456789');
    assert.deepEqual(errorOf(await client.get('/file/test-bucket/none')), [404, 'not_found']);
    assert.deepEqual(errorOf(await client.get('/file/no-such-bucket/none')), [404, 'not_found']);
    assert.deepEqual(errorOf(await client.get('/b2api/v2/b2_download_file_by_id?fileId=bad')), [
      400,
      'bad_request',
    ]);
  }));

test('ranges run over the seams between parts', () =>
  withServer({ minPartBytes: 1 }, async (b2, client) => {
    const parts = ['abc', 'de', 'fghij'];
    const fileId = await client.start(b2.bucket('test-bucket').bucketId, 'large');
    const pair = await client.partUrl(fileId);
    for (const [index, part] of parts.entries()) await uploadPart(pair, index + 1, part);
    await client.ask('b2_finish_large_file', { fileId, partSha1Array: parts.map(sha1Of) });
    const whole = 'abcdefghij';
    for (let from = 0; from < 10; from++) {
      for (let last = from; last < 12; last++) {
        const { status, body, headers } = await client.get('/file/test-bucket/large', {
          Range: `bytes=${from}-${last}`,
        });
        assert.deepEqual([status, body.toString()], [206, whole.slice(from, last + 1)]);
        assert.equal(headers['content-range'], `bytes ${from}-${Math.min(last, 9)}/10`);
        assert.equal(headers['x-bz-content-sha1'], 'none');
      }
    }
    const outside = await client.get('/file/test-bucket/large', { Range: 'bytes=10-' });
    assert.deepEqual(errorOf(outside), [416, 'range_not_satisfiable']);
  }));

test('what a Range header means', () => {
  const cases: [string | undefined, number, { from: number; to: number } | undefined][] = [
    [undefined, 10, undefined],
    ['bytes=0-0', 10, { from: 0, to: 1 }],
    ['bytes=5-', 10, { from: 5, to: 10 }],
    ['bytes=-3', 10, { from: 7, to: 10 }],
    ['bytes=-30', 10, { from: 0, to: 10 }],
    ['bytes=8-100', 10, { from: 8, to: 10 }],
    ['bytes=5-3', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['lines=0-1', 10, undefined],
  ];
  for (const [header, length, range] of cases) assert.deepEqual(readRange(header, length), range, header);
  for (const [header, length] of [
    ['bytes=10-', 10],
    ['bytes=0-0', 0],
    ['bytes=-0', 10],
  ] as const) {
    assert.throws(() => readRange(header, length), /outside the size/, header);
  }
});

test('without a token only public buckets open', () =>
  withServer({}, async (b2, client) => {
    const open = b2.createBucket('open-bucket', { bucketType: 'allPublic' });
    const { fileId } = open.put('f', Buffer.from('x'));
    b2.bucket('test-bucket').put('f', Buffer.from('x'));
    assert.equal((await send('GET', `${b2.url}/file/open-bucket/f`, {})).status, 200);
    assert.equal(
      (await send('GET', `${b2.url}/b2api/v2/b2_download_file_by_id?fileId=${fileId}`, {})).status,
      200,
    );
    assert.deepEqual(errorOf(await send('GET', `${b2.url}/file/test-bucket/f`, {})), [
      401,
      'missing_auth_token',
    ]);
    assert.deepEqual(
      errorOf(await send('GET', `${b2.url}/file/test-bucket/f`, { Authorization: 'made up' })),
      [401, 'bad_auth_token'],
    );
    assert.equal(
      (await send('GET', `${b2.url}/file/test-bucket/f?Authorization=${client.token}`, {})).status,
      200,
    );
  }));

test('a download authorization opens its prefix, for its time, with its headers', async () => {
  let now = 1_700_000_000_000;
  const clock = { now: () => now, monotonic: () => performance.now(), sleep: () => Promise.resolve() };
  await withServer({ clock }, async (b2, client) => {
    const bucket = b2.bucket('test-bucket');
    const inside = bucket.put('in/f', Buffer.from('x'));
    bucket.put('out/f', Buffer.from('x'));
    const { bucketId } = bucket;
    const authorizationFor = async (fields: Record<string, unknown>): Promise<string> =>
      String(
        (
          await client.ask('b2_get_download_authorization', {
            bucketId,
            fileNamePrefix: 'in/',
            validDurationInSeconds: 60,
            ...fields,
          })
        )['authorizationToken'],
      );
    const token = await authorizationFor({});
    assert.equal(
      (await send('GET', `${b2.url}/file/test-bucket/in/f`, { Authorization: token })).status,
      200,
    );
    const query = await send(
      'GET',
      `${b2.url}/file/test-bucket/in/f?Authorization=${token}&b2ContentType=text/y`,
      {},
    );
    assert.deepEqual([query.status, query.headers['content-type']], [200, 'text/y']);
    assert.deepEqual(
      errorOf(await send('GET', `${b2.url}/file/test-bucket/out/f`, { Authorization: token })),
      [401, 'unauthorized'],
    );
    assert.equal(
      (
        await send('GET', `${b2.url}/b2api/v2/b2_download_file_by_id?fileId=${inside.fileId}`, {
          Authorization: token,
        })
      ).status,
      401,
    );

    const attached = await authorizationFor({ b2ContentDisposition: 'attachment' });
    assert.equal(
      (await send('GET', `${b2.url}/file/test-bucket/in/f`, { Authorization: attached })).status,
      401,
    );
    const asked = await send('GET', `${b2.url}/file/test-bucket/in/f?b2ContentDisposition=attachment`, {
      Authorization: attached,
    });
    assert.deepEqual([asked.status, asked.headers['content-disposition']], [200, 'attachment']);

    now += 60_000;
    assert.deepEqual(
      errorOf(await send('GET', `${b2.url}/file/test-bucket/in/f`, { Authorization: token })),
      [401, 'expired_auth_token'],
    );
    for (const validDurationInSeconds of [0, 604_801]) {
      assert.equal(
        (
          await client.call('b2_get_download_authorization', {
            bucketId,
            fileNamePrefix: '',
            validDurationInSeconds,
          })
        ).status,
        400,
      );
    }
  });
});
