/** The real service refuses a call with a field that it does not know: what is sent is what its documentation names. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { body, collect, meta, sha1 } from './store.contract.js';
import { BUCKET, withStore } from './with-store.js';

/** Fields of each call, as https://www.backblaze.com/apidocs lists them. */
const DOCUMENTED: Readonly<Record<string, readonly string[]>> = {
  b2_list_buckets: ['accountId', 'bucketId', 'bucketName', 'bucketTypes'],
  b2_create_bucket: [
    ...['accountId', 'bucketName', 'bucketType', 'bucketInfo', 'corsRules', 'lifecycleRules'],
    ...['fileLockEnabled', 'defaultServerSideEncryption', 'replicationConfiguration'],
  ],
  b2_update_bucket: [
    ...['accountId', 'bucketId', 'bucketType', 'bucketInfo', 'corsRules', 'lifecycleRules', 'ifRevisionIs'],
    ...['defaultRetention', 'defaultServerSideEncryption', 'fileLockEnabled', 'replicationConfiguration'],
  ],
  b2_get_upload_url: ['bucketId'],
  b2_start_large_file: [
    ...[
      'bucketId',
      'fileName',
      'contentType',
      'fileInfo',
      'fileRetention',
      'legalHold',
      'serverSideEncryption',
    ],
    'customUploadTimestamp',
  ],
  b2_get_upload_part_url: ['fileId'],
  b2_finish_large_file: ['fileId', 'partSha1Array'],
  b2_cancel_large_file: ['fileId'],
  b2_list_parts: ['fileId', 'startPartNumber', 'maxPartCount'],
  b2_list_unfinished_large_files: ['bucketId', 'namePrefix', 'startFileId', 'maxFileCount'],
  b2_list_file_versions: ['bucketId', 'startFileName', 'startFileId', 'maxFileCount', 'prefix', 'delimiter'],
  b2_get_file_info: ['fileId'],
  b2_copy_file: [
    ...[
      'sourceFileId',
      'destinationBucketId',
      'fileName',
      'range',
      'metadataDirective',
      'contentType',
      'fileInfo',
    ],
    ...['fileRetention', 'legalHold', 'sourceServerSideEncryption', 'destinationServerSideEncryption'],
  ],
  b2_delete_file_version: ['fileName', 'fileId', 'bypassGovernance'],
  b2_get_download_authorization: [
    ...['bucketId', 'fileNamePrefix', 'validDurationInSeconds', 'b2ContentDisposition', 'b2ContentLanguage'],
    ...['b2Expires', 'b2CacheControl', 'b2ContentEncoding', 'b2ContentType'],
  ],
  b2_download_file_by_id: ['fileId'],
};

it('every field of every call is one that B2 documents', async () => {
  const options = {
    bucket: 'made-for-this',
    createBucket: true,
    cancelUnfinishedDays: 7,
    lock: { days: 1, mode: 'governance' },
    serverSideEncryption: true,
  } as const;
  await withStore({}, options, async (store, server) => {
    const small = await store.put(meta('small'), body(Buffer.from('x')));
    const parts = [Buffer.alloc(2000, 1), Buffer.alloc(10, 2)];
    const fileId = await store.startLarge(meta('large', { 'bb2-run': 'r' }));
    for (const [i, part] of parts.entries()) await store.uploadPart(fileId, i + 1, body(part));
    await collect(store.listParts(fileId));
    await collect(store.listUnfinished(''));
    await store.finishLarge(fileId, parts.map(sha1));
    await store.cancelLarge(await store.startLarge(meta('given up')));
    await store.copyFile(small.fileId, meta('copy'));
    await collect(store.listVersions('', { delimiter: '/' }));
    await store.fileInfo(fileId);
    await collect(store.download(fileId, { from: 0, to: 10 }));
    await store.downloadAuthorization('s', 60);
    await store.deleteVersion('small', small.fileId);
    const asked = new Set<string>();
    for (const { operation, fields } of server.requests) {
      asked.add(operation);
      const unknown = fields.filter((field) => DOCUMENTED[operation]?.includes(field) === false);
      assert.deepEqual(unknown, [], operation);
    }
    await withStore({}, { bucket: BUCKET, cancelUnfinishedDays: 7 }, (_, other) => {
      const update = other.requests.find(({ operation }) => operation === 'b2_update_bucket');
      asked.add(update?.operation ?? '');
      for (const field of update?.fields ?? [])
        assert.ok(DOCUMENTED['b2_update_bucket']?.includes(field), field);
      return Promise.resolve();
    });
    assert.deepEqual(
      Object.keys(DOCUMENTED).filter((operation) => !asked.has(operation)),
      [],
    );
  });
});
