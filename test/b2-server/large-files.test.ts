import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha1Of, uploadPart, withServer, type Client } from './client.js';
import type { B2Server } from '../support/b2-server/server.js';

const PART = Buffer.alloc(100, 'p');
const TAIL = Buffer.from('tail');
const errorOf = (answer: { status: number; json: Readonly<Record<string, unknown>> }): unknown[] => [
  answer.status,
  answer.json['code'],
];

async function startWithParts(
  b2: B2Server,
  client: Client,
  parts: readonly [number, Buffer][],
): Promise<string> {
  const fileId = await client.start(b2.bucket('test-bucket').bucketId, 'large', {
    fileInfo: { Volume: '1' },
  });
  const pair = await client.partUrl(fileId);
  for (const [number, content] of parts) assert.equal((await uploadPart(pair, number, content)).status, 200);
  return fileId;
}

test('parts become one file, which keeps id and time of its start', () =>
  withServer({ minPartBytes: 100 }, async (b2, client) => {
    const bucket = b2.bucket('test-bucket');
    const fileId = await startWithParts(b2, client, [
      [3, TAIL],
      [1, PART],
      [2, PART],
    ]);
    const [unfinished] = bucket.unfinished();
    assert.equal(unfinished?.contentLength, 0);
    const finished = await client.ask('b2_finish_large_file', {
      fileId,
      partSha1Array: [sha1Of(PART), sha1Of(PART), sha1Of(TAIL)],
    });
    assert.deepEqual(
      [
        finished['fileId'],
        finished['action'],
        finished['contentSha1'],
        finished['contentMd5'],
        finished['contentLength'],
        finished['uploadTimestamp'],
      ],
      [fileId, 'upload', 'none', null, 204, unfinished.uploadTimestamp],
    );
    assert.deepEqual(finished['fileInfo'], { volume: '1' });
    assert.deepEqual(bucket.read('large'), Buffer.concat([PART, PART, TAIL]));
    assert.deepEqual(errorOf(await client.call('b2_finish_large_file', { fileId, partSha1Array: [] })), [
      400,
      'bad_request',
    ]);
    assert.deepEqual(errorOf(await client.call('b2_get_upload_part_url', { fileId })), [400, 'bad_request']);
    assert.deepEqual(errorOf(await client.call('b2_cancel_large_file', { fileId })), [400, 'bad_request']);
    assert.equal((await client.ask('b2_get_file_info', { fileId }))['action'], 'upload');
  }));

test('finish refuses what is not whole, and can be tried again', () =>
  withServer({ minPartBytes: 100 }, async (b2, client) => {
    const one = sha1Of(PART);
    const last = sha1Of(TAIL);
    const cases: { parts: [number, Buffer][]; sha1s: string[]; code: string; message: RegExp }[] = [
      {
        parts: [[1, PART]],
        sha1s: [one],
        code: 'bad_request',
        message: /large files must have at least 2 parts/,
      },
      { parts: [], sha1s: [], code: 'bad_request', message: /at least 2 parts/ },
      {
        parts: [
          [1, PART],
          [3, PART],
        ],
        sha1s: [one, one],
        code: 'missing_part',
        message: /number 2 /,
      },
      {
        parts: [
          [2, PART],
          [3, PART],
        ],
        sha1s: [one, one],
        code: 'missing_part',
        message: /number 1 /,
      },
      {
        parts: [
          [1, PART],
          [2, TAIL],
        ],
        sha1s: [one, last, last],
        code: 'missing_part',
        message: /number 3 /,
      },
      {
        parts: [
          [1, PART],
          [2, TAIL],
        ],
        sha1s: [one],
        code: 'bad_request',
        message: /1 entries, 2 parts/,
      },
      {
        parts: [
          [1, PART],
          [2, TAIL],
        ],
        sha1s: [last, one],
        code: 'part_sha1_mismatch',
        message: /part 1/,
      },
      {
        parts: [
          [1, TAIL],
          [2, PART],
        ],
        sha1s: [last, one],
        code: 'bad_request',
        message: /part 1 is smaller than minimum/,
      },
    ];
    for (const { parts, sha1s, code, message } of cases) {
      const fileId = await startWithParts(b2, client, parts);
      const answer = await client.call('b2_finish_large_file', { fileId, partSha1Array: sha1s });
      assert.deepEqual(errorOf(answer), [400, code], String(message));
      assert.match(String(answer.json['message']), message);
      assert.equal(b2.account.files.get(fileId)?.action, 'start');
    }
    const fileId = await startWithParts(b2, client, [[2, TAIL]]);
    assert.equal(
      (await client.call('b2_finish_large_file', { fileId, partSha1Array: [one, last] })).status,
      400,
    );
    await uploadPart(await client.partUrl(fileId), 1, PART);
    await client.ask('b2_finish_large_file', { fileId, partSha1Array: [one, last] });
  }));

test('the minimum is 5,000,000 bytes unless the test says otherwise', () =>
  withServer({}, async (b2, client) => {
    for (const [bytes, status] of [
      [4_999_999, 400],
      [5_000_000, 200],
    ] as const) {
      const first = Buffer.alloc(bytes);
      const fileId = await startWithParts(b2, client, [
        [1, first],
        [2, TAIL],
      ]);
      assert.equal(
        (await client.call('b2_finish_large_file', { fileId, partSha1Array: [sha1Of(first), sha1Of(TAIL)] }))
          .status,
        status,
      );
    }
  }));

test('a part sent again replaces the first; both bodies are on record', () =>
  withServer({ minPartBytes: 100 }, async (b2, client) => {
    const fileId = await startWithParts(b2, client, [
      [1, TAIL],
      [1, PART],
    ]);
    const { parts } = await client.ask('b2_list_parts', { fileId });
    assert.deepEqual(
      (parts as { contentSha1: string }[]).map((part) => part.contentSha1),
      [sha1Of(PART)],
    );
    const refused = await uploadPart(await client.partUrl(fileId), 1, TAIL, {
      'X-Bz-Content-Sha1': sha1Of(PART),
    });
    assert.equal(refused.status, 400);
    assert.deepEqual(
      b2.parts.map(({ partNumber, contentLength, receivedBytes, sha1, stored }) => ({
        partNumber,
        contentLength,
        receivedBytes,
        sha1,
        stored,
      })),
      [
        { partNumber: 1, contentLength: 4, receivedBytes: 4, sha1: sha1Of(TAIL), stored: true },
        { partNumber: 1, contentLength: 100, receivedBytes: 100, sha1: sha1Of(PART), stored: true },
        { partNumber: 1, contentLength: 4, receivedBytes: 4, sha1: sha1Of(TAIL), stored: false },
      ],
    );
    assert.deepEqual(
      b2.parts.map((part) => Buffer.concat([...(part.bytes?.read(0, part.bytes.length) ?? [])])),
      [TAIL, PART, TAIL],
    );
  }));

test('parts are listed in pages, in order', () =>
  withServer({}, async (b2, client) => {
    const numbers = [7, 1, 4, 2, 9];
    const fileId = await startWithParts(
      b2,
      client,
      numbers.map((number) => [number, TAIL]),
    );
    const seen: number[][] = [];
    for (let next: number | null = 1; next !== null;) {
      const page = await client.ask('b2_list_parts', { fileId, startPartNumber: next, maxPartCount: 2 });
      seen.push((page['parts'] as { partNumber: number }[]).map((part) => part.partNumber));
      next = page['nextPartNumber'] as number | null;
    }
    assert.deepEqual(seen, [[1, 2], [4, 7], [9]]);
    assert.deepEqual(errorOf(await client.call('b2_list_parts', { fileId, maxPartCount: 1001 })), [
      400,
      'out_of_range',
    ]);
    assert.match(
      String((await client.call('b2_list_parts', { fileId: 'bad-id' })).json['message']),
      /^Invalid fileId: bad-id$/,
    );
  }));

test('cancel forgets file and parts; so does deleting the unfinished version', () =>
  withServer({}, async (b2, client) => {
    const cancelled = await startWithParts(b2, client, [[1, TAIL]]);
    const pair = await client.partUrl(cancelled);
    const answer = await client.ask('b2_cancel_large_file', { fileId: cancelled });
    assert.deepEqual(answer, {
      fileId: cancelled,
      accountId: client.accountId,
      bucketId: b2.bucket('test-bucket').bucketId,
      fileName: 'large',
    });
    assert.deepEqual(errorOf(await uploadPart(pair, 2, TAIL)), [400, 'bad_request']);
    assert.deepEqual(errorOf(await client.call('b2_cancel_large_file', { fileId: cancelled })), [
      400,
      'bad_request',
    ]);
    const deleted = await startWithParts(b2, client, [[1, TAIL]]);
    await client.ask('b2_delete_file_version', { fileName: 'large', fileId: deleted });
    assert.deepEqual(b2.bucket('test-bucket').versions(), []);
  }));

test('unfinished files are listed by prefix and page', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    for (const name of ['b/1', 'a/1', 'a/2', 'a/3']) await client.start(bucketId, name);
    const names: string[] = [];
    for (let startFileId: string | null = null; ;) {
      const page = await client.ask('b2_list_unfinished_large_files', {
        bucketId,
        namePrefix: 'a/',
        maxFileCount: 2,
        startFileId,
      });
      for (const file of page['files'] as { fileName: string; action: string; fileRetention: unknown }[]) {
        assert.equal(file.action, 'start');
        assert.notEqual(file.fileRetention, undefined);
        names.push(file.fileName);
      }
      startFileId = page['nextFileId'] as string | null;
      if (startFileId === null) break;
    }
    assert.deepEqual(names, ['a/1', 'a/2', 'a/3']);
  }));
