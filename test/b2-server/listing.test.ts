import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareNames, encodeName, decodeName } from '../support/b2-server/names.js';
import { uploadFile, withServer, type Client } from './client.js';

interface Row {
  readonly action: string;
  readonly fileName: string;
  readonly fileId: string | null;
  readonly size?: number;
  readonly contentLength: number;
}

/** All pages of a listing, one after the other. */
async function listAll(
  client: Client,
  operation: string,
  fields: Record<string, unknown>,
  version = 2,
): Promise<Row[]> {
  const rows: Row[] = [];
  let start: Record<string, unknown> = {};
  for (;;) {
    const page = await client.ask(operation, { ...fields, ...start }, { version });
    rows.push(...(page['files'] as Row[]));
    if (page['nextFileName'] === null) return rows;
    start = { startFileName: page['nextFileName'], startFileId: page['nextFileId'] ?? null };
  }
}

const shown = (rows: readonly Row[]): string[] => rows.map((row) => `${row.action} ${row.fileName}`);

test('names, versions, hide markers, folders', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    const pair = await client.uploadUrl(bucketId);
    for (const name of ['dir/a', 'dir/b', 'dir/sub/c', 'top', 'zz', 'top'])
      await uploadFile(pair, name, name);
    await client.start(bucketId, 'dir/open');
    await client.ask('b2_hide_file', { bucketId, fileName: 'zz' });

    assert.deepEqual(shown(await listAll(client, 'b2_list_file_names', { bucketId })), [
      'upload dir/a',
      'upload dir/b',
      'upload dir/sub/c',
      'upload top',
    ]);
    assert.deepEqual(shown(await listAll(client, 'b2_list_file_names', { bucketId, delimiter: '/' })), [
      'folder dir/',
      'upload top',
    ]);
    assert.deepEqual(
      shown(await listAll(client, 'b2_list_file_names', { bucketId, delimiter: '/', prefix: 'dir/' })),
      ['upload dir/a', 'upload dir/b', 'folder dir/sub/'],
    );
    assert.deepEqual(shown(await listAll(client, 'b2_list_file_versions', { bucketId })), [
      'upload dir/a',
      'upload dir/b',
      'start dir/open',
      'upload dir/sub/c',
      'upload top',
      'upload top',
      'hide zz',
      'upload zz',
    ]);
    const again = await client.call('b2_hide_file', { bucketId, fileName: 'zz' });
    assert.equal(again.json['code'], 'already_hidden');
    assert.equal(
      (await client.call('b2_hide_file', { bucketId, fileName: 'none' })).json['code'],
      'no_such_file',
    );

    const marker = (await listAll(client, 'b2_list_file_versions', { bucketId, prefix: 'zz' }))[0];
    const wrong = await client.call('b2_delete_file_version', { fileName: 'top', fileId: marker?.fileId });
    assert.deepEqual([wrong.status, wrong.json['code']], [400, 'file_not_present']);
    await client.ask('b2_delete_file_version', { fileName: 'zz', fileId: marker?.fileId });
    assert.deepEqual(shown(await listAll(client, 'b2_list_file_names', { bucketId, prefix: 'zz' })), [
      'upload zz',
    ]);
  }));

test('version 1 rows carry size as well', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    b2.bucket('test-bucket').put('f', Buffer.from('12345'));
    const [v1] = await listAll(client, 'b2_list_file_names', { bucketId }, 1);
    const [v2] = await listAll(client, 'b2_list_file_names', { bucketId }, 2);
    assert.deepEqual([v1?.size, v1?.contentLength, v2?.size, v2?.contentLength], [5, 5, undefined, 5]);
  }));

test('B2 may give fewer rows than asked for; the rest follows', () =>
  withServer({ limits: { pageRows: 2 } }, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) b2.bucket('test-bucket').put(name, Buffer.from(name));
    const rows = await listAll(client, 'b2_list_file_versions', { bucketId, maxFileCount: 1000 });
    assert.deepEqual(
      rows.map((row) => row.fileName),
      names,
    );
    assert.equal(b2.requests.filter((entry) => entry.operation === 'b2_list_file_versions').length, 3);
  }));

test('page sizes out of range and ids without names are refused', () =>
  withServer({}, async (b2, client) => {
    const { bucketId } = b2.bucket('test-bucket');
    for (const [operation, fields, code] of [
      ['b2_list_file_names', { maxFileCount: 10_001 }, 'out_of_range'],
      ['b2_list_file_versions', { maxFileCount: -1 }, 'out_of_range'],
      ['b2_list_file_versions', { startFileId: 'x' }, 'bad_request'],
      ['b2_list_file_names', { bucketId: 'nope' }, 'bad_bucket_id'],
    ] as const) {
      const answer = await client.call(operation, { bucketId, ...fields });
      assert.deepEqual([answer.status, answer.json['code']], [400, code]);
    }
  }));

test('pages of any size, put together, are the whole listing in byte order', async () => {
  const names = fc.uniqueArray(
    fc
      .stringMatching(/^[a-c/]{1,6}$|^[\u{ff5e}\u{1f600}ä]{1,2}$/u)
      .filter((name) => !/^\/|\/$|\/\//.test(name)),
    { maxLength: 12 },
  );
  await withServer({}, async (b2, client) => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        names,
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('', 'a', 'a/'),
        fc.constantFrom(undefined, '/'),
        async (all, size, prefix, delimiter) => {
          const bucket = b2.createBucket(`bucket-${++count}`);
          for (const name of all) bucket.put(name, Buffer.from(name));
          for (const name of all.slice(0, 3)) bucket.put(name, Buffer.from('newer'));
          const { bucketId } = bucket;
          const kept = all
            .filter((name) => name.startsWith(prefix))
            .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          const folded = [
            ...new Set(
              kept.map((name) => {
                const end = delimiter === undefined ? -1 : name.indexOf(delimiter, prefix.length);
                return end === -1 ? `upload ${name}` : `folder ${name.slice(0, end + 1)}`;
              }),
            ),
          ];
          const fields = { bucketId, prefix, delimiter: delimiter ?? null, maxFileCount: size };
          assert.deepEqual(shown(await listAll(client, 'b2_list_file_names', fields)), folded);
          const versions = folded.flatMap((row) =>
            all.slice(0, 3).some((name) => row === `upload ${name}`) ? [row, row] : [row],
          );
          assert.deepEqual(shown(await listAll(client, 'b2_list_file_versions', fields)), versions);
          b2.account.buckets.delete(bucketId);
        },
      ),
      { numRuns: 40 },
    );
  });
});

test('names go through headers and back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      assert.equal(decodeName(encodeName(name)), name);
    }),
  );
  assert.equal(encodeName('a/b;c=d:@$ +%ü'), 'a/b;c=d:@$%20%2B%25%C3%BC');
  assert.equal(decodeName('a+b%2Bc'), 'a b+c');
  assert.ok(compareNames('\u{ff5e}', '\u{1f600}') < 0);
});
