import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sha1Of, uploadFile, uploadPart, withServer, type Client } from './client.js';
import type { B2Server } from '../support/b2-server/server.js';

const directory = mkdtempSync(join(tmpdir(), 'b2-server-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const PARTS = [Buffer.alloc(200_000, 1), Buffer.alloc(150_000, 2), Buffer.alloc(7, 3)];

async function uploadLarge(b2: B2Server, client: Client): Promise<string> {
  const fileId = await client.start(b2.bucket('test-bucket').bucketId, 'large');
  const pair = await client.partUrl(fileId);
  for (const [index, part] of PARTS.entries())
    assert.equal((await uploadPart(pair, index + 1, part)).json['contentSha1'], sha1Of(part));
  await client.ask('b2_finish_large_file', { fileId, partSha1Array: PARTS.map(sha1Of) });
  return fileId;
}

for (const data of ['memory', { directory }] as const) {
  test(`bytes come back from ${JSON.stringify(data).replace(directory, '…')}`, () =>
    withServer({ data, minPartBytes: 1 }, async (b2, client) => {
      const fileId = await uploadLarge(b2, client);
      const whole = Buffer.concat(PARTS);
      assert.deepEqual((await client.get('/file/test-bucket/large')).body, whole);
      const range = await client.get('/file/test-bucket/large', { Range: 'bytes=199990-350003' });
      assert.deepEqual(range.body, whole.subarray(199_990, 350_004));
      b2.bucket('test-bucket').flipBit('large', 5);
      assert.equal((await client.get('/file/test-bucket/large')).body[5], 0);

      const copied = await client.ask('b2_copy_file', {
        sourceFileId: fileId,
        fileName: 'copy',
        range: 'bytes=100-299',
      });
      assert.deepEqual([copied['action'], copied['contentLength']], ['copy', 200]);
      const target = await client.start(b2.bucket('test-bucket').bucketId, 'pieces');
      for (const [index, range] of ['bytes=0-199999', 'bytes=200000-350006'].entries()) {
        await client.ask('b2_copy_part', {
          sourceFileId: fileId,
          largeFileId: target,
          partNumber: index + 1,
          range,
        });
      }
      const { parts } = await client.ask('b2_list_parts', { fileId: target });
      await client.ask('b2_finish_large_file', {
        fileId: target,
        partSha1Array: (parts as { contentSha1: string }[]).map((part) => part.contentSha1),
      });
      assert.deepEqual(b2.bucket('test-bucket').read('pieces'), b2.bucket('test-bucket').read('large'));

      for (const { fileName, fileId: id } of b2.bucket('test-bucket').versions())
        await client.ask('b2_delete_file_version', { fileName, fileId: id });
      assert.deepEqual(b2.bucket('test-bucket').versions(), []);
    }));
}

for (const data of ['memory', 'drop', { directory }] as const) {
  test(`a copy outlives what it was copied from, in ${JSON.stringify(data).replace(directory, '…')}`, () =>
    withServer({ data }, async (b2, client) => {
      const content = Buffer.alloc(100_000, data === 'drop' ? 0 : 7);
      const source = await uploadFile(
        await client.uploadUrl(b2.bucket('test-bucket').bucketId),
        'source',
        content,
      );
      const sourceFileId = source.json['fileId'] as string;
      const copied = await client.ask('b2_copy_file', { sourceFileId, fileName: 'copy' });
      assert.deepEqual([copied['contentLength'], copied['contentSha1']], [content.length, sha1Of(content)]);
      await client.ask('b2_delete_file_version', { fileName: 'source', fileId: sourceFileId });
      assert.deepEqual((await client.get('/file/test-bucket/copy')).body, content);
      await client.ask('b2_delete_file_version', { fileName: 'copy', fileId: copied['fileId'] });
      if (typeof data === 'object') assert.deepEqual(readdirSync(directory), []);
    }));
}

test('nothing is left on disk of what was replaced, refused, cancelled or broken off', () =>
  withServer({ data: { directory }, minPartBytes: 1 }, async (b2, client) => {
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    const fileId = await client.start(b2.bucket('test-bucket').bucketId, 'large');
    const pair = await client.partUrl(fileId);
    await uploadPart(pair, 1, 'first');
    await uploadPart(pair, 1, 'second');
    assert.equal(readdirSync(directory).length, 1);
    await uploadPart(pair, 2, 'wrong', { 'X-Bz-Content-Sha1': sha1Of('other') });
    b2.faults.add('upload_part=reset-body:1');
    await assert.rejects(uploadPart(await client.partUrl(fileId), 3, Buffer.alloc(100_000)));
    assert.equal(readdirSync(directory).length, 1);
    await client.ask('b2_cancel_large_file', { fileId });
    assert.deepEqual(readdirSync(directory), []);
  }));

test('drop mode checks every SHA-1, keeps small bodies, and reads the rest as zeros', () =>
  withServer({ data: 'drop', minPartBytes: 1 }, async (b2, client) => {
    await uploadLarge(b2, client);
    const { body } = await client.get('/file/test-bucket/large');
    assert.deepEqual(body, Buffer.concat([Buffer.alloc(350_000), PARTS[2] ?? Buffer.of()]));
    const { bucketId } = b2.bucket('test-bucket');
    await uploadFile(await client.uploadUrl(bucketId), 'manifest', '{"small":true}');
    assert.equal((await client.get('/file/test-bucket/manifest')).body.toString(), '{"small":true}');
    const wrong = await uploadFile(await client.uploadUrl(bucketId), 'f', Buffer.alloc(100_000), {
      'X-Bz-Content-Sha1': sha1Of('other'),
    });
    assert.equal(wrong.status, 400);
    assert.ok(b2.parts.every((part) => part.bytes === undefined));
  }));
