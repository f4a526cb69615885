/** What every `ObjectStore` must do: one suite, run against each implementation. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { FileVersion, ObjectBody, ObjectMeta, ObjectStore } from '../../src/store.js';

export interface World {
  readonly store: ObjectStore;
  /** Places so many small objects `PREFIX0000 …` past the store, for listings of several pages. */
  seed(prefix: string, count: number): void;
  /** ms since 1970 UTC, on a clock that the store's should agree with. */
  now(): number;
  /** What a download by URL gives. */
  fetch(url: string, token: string): Promise<string>;
  close(): Promise<void>;
}

export const sha1 = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
export const body = (bytes: Uint8Array): ObjectBody => ({ bytes, sha1: sha1(bytes) });
export const meta = (fileName: string, fileInfo: Record<string, string> = {}): ObjectMeta => ({
  fileName,
  contentType: 'application/octet-stream',
  fileInfo,
});

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function read(
  store: ObjectStore,
  version: FileVersion,
  from = 0,
  to = version.contentLength,
): Promise<Buffer> {
  return Buffer.concat(await collect(store.download(version.fileId, { from, to })));
}

/** Into memory of its own; the chunks are looked at when all have come. */
export async function readInto(
  store: ObjectStore,
  fileId: string,
  range: { from: number; to: number },
): Promise<Uint8Array> {
  const into = new Uint8Array(range.to - range.from);
  const chunks = await collect(store.download(fileId, range, undefined, { into }));
  let at = 0;
  for (const chunk of chunks) {
    assert.equal(chunk.buffer, into.buffer);
    assert.equal(chunk.byteOffset, at);
    at += chunk.length;
  }
  assert.equal(at, into.length);
  return into;
}

/** @param partBytes - a size that the store takes for every part but the last */
export function storeContract(name: string, open: () => Promise<World>, partBytes: number): void {
  describe(`object store: ${name}`, () => {
    let world: World;
    let store: ObjectStore;
    before(async () => {
      world = await open();
      ({ store } = world);
    });
    after(async () => {
      await world.close();
    });

    const parts = (count: number): Buffer[] =>
      Array.from({ length: count }, (_, i) => randomBytes(i === count - 1 ? 1000 : partBytes));
    const upload = async (
      fileName: string,
      pieces: readonly Buffer[],
      fileInfo = {},
    ): Promise<FileVersion> => {
      const fileId = await store.startLarge(meta(fileName, fileInfo));
      await Promise.all(pieces.map((piece, i) => store.uploadPart(fileId, i + 1, body(piece))));
      return await store.finishLarge(fileId, pieces.map(sha1));
    };

    it('stores a small object with its file info and gives it back', async () => {
      const bytes = randomBytes(70_000);
      const version = await store.put(
        meta('dir/small ü+%.txt', { 'bb2-host': 'wéb 1%', 'bb2-number': '7' }),
        body(bytes),
      );
      assert.equal(version.fileName, 'dir/small ü+%.txt');
      assert.equal(version.action, 'upload');
      assert.equal(version.contentLength, 70_000);
      assert.equal(version.contentSha1, sha1(bytes));
      assert.deepEqual(version.fileInfo, { 'bb2-host': 'wéb 1%', 'bb2-number': '7' });
      assert.ok(bytes.equals(await read(store, version)));
      assert.deepEqual(await store.fileInfo(version.fileId), version);
      assert.deepEqual(await collect(store.listVersions('dir/small ü+%.txt')), [version]);
    });

    it('stores an empty object', async () => {
      const version = await store.put(meta('empty'), body(new Uint8Array(0)));
      assert.equal(version.contentLength, 0);
      assert.equal((await read(store, version)).length, 0);
    });

    it('stores a large file of parts sent all at once, in the order of their numbers', async () => {
      const pieces = parts(5);
      const version = await upload('large', pieces, { 'bb2-volume': '0' });
      assert.equal(version.action, 'upload');
      assert.equal(version.contentLength, 4 * partBytes + 1000);
      assert.equal(version.contentSha1, undefined);
      assert.equal(version.fileInfo['bb2-volume'], '0');
      assert.ok(Buffer.concat(pieces).equals(await read(store, version)));
    });

    it('lists what is unfinished and its parts; the last upload of a part wins', async () => {
      const fileId = await store.startLarge(meta('half done', { 'bb2-run': 'r' }));
      const [first, second, third] = parts(3) as [Buffer, Buffer, Buffer];
      await store.uploadPart(fileId, 3, body(third));
      await store.uploadPart(fileId, 1, body(second));
      await store.uploadPart(fileId, 1, body(first));
      const unfinished = await collect(store.listUnfinished('half'));
      assert.deepEqual(
        unfinished.map((file) => [file.fileId, file.fileName, file.action, file.fileInfo['bb2-run']]),
        [[fileId, 'half done', 'start', 'r']],
      );
      assert.deepEqual(await collect(store.listParts(fileId)), [
        { partNumber: 1, contentLength: first.length, contentSha1: sha1(first) },
        { partNumber: 3, contentLength: third.length, contentSha1: sha1(third) },
      ]);
      await store.uploadPart(fileId, 2, body(second));
      const version = await store.finishLarge(fileId, [first, second, third].map(sha1));
      assert.ok(Buffer.concat([first, second, third]).equals(await read(store, version)));
      assert.deepEqual(await collect(store.listUnfinished('half')), []);
    });

    it('a finish that is repeated is the same finish', async () => {
      const pieces = parts(2);
      const version = await upload('finished twice', pieces);
      assert.deepEqual(await store.finishLarge(version.fileId, pieces.map(sha1)), version);
    });

    it('cancels, also what is gone; a cancelled volume is lost', async () => {
      const fileId = await store.startLarge(meta('cancelled'));
      const [piece] = parts(2) as [Buffer];
      await store.uploadPart(fileId, 1, body(piece));
      await store.cancelLarge(fileId);
      await store.cancelLarge(fileId);
      assert.deepEqual(await collect(store.listUnfinished('cancelled')), []);
      await assert.rejects(store.uploadPart(fileId, 1, body(piece)), { name: 'VolumeLost', fileId });
      await assert.rejects(store.finishLarge(fileId, [sha1(piece)]), { name: 'VolumeLost', fileId });
      await assert.rejects(collect(store.listParts(fileId)), { name: 'VolumeLost', fileId });
    });

    it('lists versions: names ascending, newest first, several pages, only under the prefix', async () => {
      world.seed('many/', 2300);
      const [older, newer] = [
        await store.put(meta('many/0007'), body(Buffer.from('1'))),
        await store.put(meta('many/0007'), body(Buffer.from('22'))),
      ];
      const before = store.counters.classC;
      const versions = await collect(store.listVersions('many/'));
      assert.equal(store.counters.classC - before, 3, 'a page of 1000 costs one transaction');
      assert.equal(versions.length, 2302);
      assert.deepEqual(
        versions.map((file) => file.fileName),
        versions.map((file) => file.fileName).sort(),
      );
      assert.deepEqual(
        versions
          .filter((file) => file.fileName === 'many/0007')
          .slice(0, 2)
          .map((file) => file.fileId),
        [newer.fileId, older.fileId],
      );
      assert.deepEqual(await collect(store.listVersions('no such thing')), []);
    });

    it('folds names behind a delimiter into one row each, over several pages', async () => {
      world.seed('folders/web.1.tar/', 2300);
      world.seed('folders/web.2.tar/', 3);
      await store.put(meta('folders/web.1.tar.COMPLETE'), body(Buffer.from('1')));
      const before = store.counters.classC;
      const rows = await collect(store.listVersions('folders/web.', { delimiter: '/' }));
      assert.deepEqual(
        rows.map(({ fileName, action, fileId }) => [fileName, action, fileId === '']),
        [
          ['folders/web.1.tar.COMPLETE', 'upload', false],
          ['folders/web.1.tar/', 'folder', true],
          ['folders/web.2.tar/', 'folder', true],
        ],
      );
      assert.equal(store.counters.classC - before, 1, 'what is folded is not paid for');
    });

    it('copies an object to another name with file info of its own', async () => {
      const bytes = randomBytes(50_000);
      const source = await store.put(meta('copy/source', { 'bb2-run': 'old' }), body(bytes));
      const before = store.counters.bytesSent;
      const copy = await store.copyFile(source.fileId, meta('copy/target', { 'bb2-run': 'new' }));
      assert.ok(copy.outcome === 'copied');
      const { version } = copy;
      assert.deepEqual(
        [version.fileName, version.action, version.contentLength, version.contentSha1, version.fileInfo],
        ['copy/target', 'upload', 50_000, sha1(bytes), { 'bb2-run': 'new' }],
      );
      assert.notEqual(version.fileId, source.fileId);
      assert.equal(store.counters.bytesSent, before);
      assert.ok(bytes.equals(await read(store, version)));
      assert.equal(await store.deleteVersion(source.fileName, source.fileId), 'deleted');
      assert.ok(bytes.equals(await read(store, version)), 'a copy does not need its source');
      const gone = await store.copyFile(source.fileId, meta('copy/again'));
      assert.equal(gone.outcome, 'source-missing');
    });

    it('copies a large file', async () => {
      const pieces = parts(3);
      const source = await upload('copy/large', pieces);
      const copy = await store.copyFile(source.fileId, meta('copy/large target'));
      assert.ok(copy.outcome === 'copied');
      assert.equal(copy.version.contentLength, source.contentLength);
      assert.ok(Buffer.concat(pieces).equals(await read(store, copy.version)));
    });

    it('knows the time', () => {
      assert.ok(Math.abs((store.serverNow() ?? 0) - world.now()) < 600_000);
    });

    it('deletes a version, and says when it was gone', async () => {
      const version = await store.put(meta('to delete'), body(Buffer.from('x')));
      assert.equal(await store.deleteVersion(version.fileName, version.fileId), 'deleted');
      assert.equal(await store.deleteVersion(version.fileName, version.fileId), 'absent');
      assert.equal(await store.fileInfo(version.fileId), undefined);
      assert.deepEqual(await collect(store.listVersions('to delete')), []);
    });

    it('downloads any range', async () => {
      const bytes = randomBytes(300_000);
      const version = await store.put(meta('ranges'), body(bytes));
      for (const [from, to] of [
        [0, 0],
        [0, 1],
        [299_999, 300_000],
        [1, 299_999],
        [65_536, 131_072],
        [300_000, 300_000],
      ] as const) {
        assert.ok(bytes.subarray(from, to).equals(await read(store, version, from, to)), `${from} to ${to}`);
        const into = await readInto(store, version.fileId, { from, to });
        assert.ok(bytes.subarray(from, to).equals(into), `${from} to ${to}, into memory`);
      }
    });

    it('a consumer may stop in the middle of a download', async () => {
      const version = await store.put(meta('left early'), body(randomBytes(2_000_000)));
      const range = { from: 0, to: version.contentLength };
      for (const into of [undefined, new Uint8Array(range.to)])
        for await (const chunk of store.download(version.fileId, range, undefined, { into })) {
          assert.ok(chunk.byteLength > 0);
          break;
        }
      assert.equal((await read(store, version, 0, 10)).length, 10);
    });

    it('many downloads side by side do not mix', async () => {
      const bytes = randomBytes(4_000_000);
      const version = await store.put(meta('side by side'), body(bytes));
      const ranges = Array.from({ length: 20 }, (_, i) => ({ from: i * 199_999, to: (i + 1) * 199_999 }));
      const all = await Promise.all(ranges.map((range) => readInto(store, version.fileId, range)));
      for (const [i, { from, to }] of ranges.entries())
        assert.ok(bytes.subarray(from, to).equals(all[i] ?? Buffer.alloc(0)), `${from} to ${to}`);
    });

    it('an abort ends an upload with its reason, and the store goes on', async () => {
      const fileId = await store.startLarge(meta('aborted'));
      const abort = new AbortController();
      const [piece] = parts(2) as [Buffer];
      const running = store.uploadPart(fileId, 1, body(piece), abort.signal);
      abort.abort(new Error('deadline'));
      await assert.rejects(running, /deadline/);
      await assert.rejects(store.uploadPart(fileId, 1, body(piece), abort.signal), /deadline/);
      await store.uploadPart(fileId, 1, body(piece));
      await store.cancelLarge(fileId);
    });

    it('never changes the bytes it is given, and counts what was confirmed', async () => {
      const bytes = randomBytes(100_000);
      const copy = Buffer.from(bytes);
      const { bytesConfirmed, classA } = store.counters;
      await store.put(meta('counted'), body(bytes));
      assert.ok(copy.equals(bytes));
      assert.equal(store.counters.bytesConfirmed - bytesConfirmed, 100_000);
      assert.ok(store.counters.classA > classA);
      assert.equal(store.counters.connectionsBusy, 0);
    });

    it('gives a token for downloads of a prefix', async () => {
      await store.put(meta('shared/one'), body(Buffer.from('one')));
      const { token, baseUrl } = await store.downloadAuthorization('shared/', 60);
      assert.equal(await world.fetch(`${baseUrl}shared/one`, token), 'one');
    });

    it('refuses a name that it could not store', async () => {
      await assert.rejects(store.put(meta('a//b'), body(Buffer.from('x'))), {
        name: 'Failure',
        kind: 'config',
      });
      await assert.rejects(store.startLarge(meta('')), { name: 'Failure', kind: 'config' });
    });
  });
}
