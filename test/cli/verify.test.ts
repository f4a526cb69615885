import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { Manifest } from '../../src/catalog/manifest.js';
import type { RestoreContext } from '../../src/cli/restore.js';
import { verify, type VerifyOptions } from '../../src/cli/verify.js';
import type { TestContext } from './context.js';
import { addArchive, addLegacyArchive, DAY_MS, NOW, type MemoryStore } from './memory-store.js';
import { addSealed, restoreContext, scratch, type Scratch } from './sealed-archive.js';

const quick: VerifyOptions = {
  legacy: true,
  host: undefined,
  number: undefined,
  level: { kind: 'quick' },
  json: false,
  parallel: 2,
  rangeBytes: 10_000,
  random: () => 0.5,
};
const deep: VerifyOptions = { ...quick, level: { kind: 'deep' } };

function flip(store: MemoryStore, fileId: string | undefined, at: number): void {
  const content = store.contents.get(fileId ?? '');
  assert.ok(content);
  const where = at < 0 ? content.length + at : at;
  content[where] = (content[where] ?? 0) ^ 1;
}

for (const profile of ['librepgp', 'rfc4880'] as const) {
  describe(`verify of ${profile}`, () => {
    let files: Scratch;
    before(() => {
      files = scratch();
    });
    after(() => {
      files.dispose();
    });

    async function stored(): Promise<{
      context: TestContext & RestoreContext;
      manifest: Manifest;
      close: () => Promise<void>;
    }> {
      const { context, engine } = await restoreContext(profile);
      const packed = execFileSync('gzip', ['-c'], { input: files.tar });
      const archive = { host: 'web', number: 1, ageDays: 1, codec: 'gzip', extension: '.gz' };
      const manifest = await addSealed(context.store, engine, archive, packed, 25_000, files.tar.length);
      return { context, manifest, close: () => engine.close() };
    }

    test('a whole archive passes at every level', async () => {
      const { context, close } = await stored();
      assert.equal(await verify(context, quick), 0);
      assert.equal(await verify(context, { ...quick, level: { kind: 'sample', percent: 30 } }), 0);
      assert.equal(await verify(context, deep), 0);
      assert.match(context.out.text, /web #1: ok \([\d.]+ KiB read, tar of 2 files, [\d.]+ KiB\)/);
      await close();
    });

    test('--deep finds one flipped bit, and says where', async () => {
      const { context, manifest, close } = await stored();
      flip(context.store, manifest.volumes[1]?.fileId, 5000);
      assert.equal(await verify(context, quick), 0, 'quick downloads no data');
      context.out.text = '';
      assert.equal(await verify(context, deep), 11);
      assert.match(context.out.text, /web #1: DAMAGED/);
      assert.match(context.out.text, /web\.1\.tar\.gz\.ab\.gpg: SHA-1 of bytes 0-\d+ is/);
      await close();
    });

    test('--sample 100 finds it too, without a passphrase', async () => {
      const { context, manifest, close } = await stored();
      flip(context.store, manifest.volumes[1]?.fileId, -3);
      assert.equal(await verify(context, { ...quick, level: { kind: 'sample', percent: 100 } }), 11);
      await close();
    });

    for (const level of [{ kind: 'sample', percent: 100 }, { kind: 'deep' }] as const) {
      test(`${level.kind}: what comes damaged is fetched three times more, each over a connection of its own`, async () => {
        const { context, manifest, close } = await stored();
        const fileId = manifest.volumes[1]?.fileId;
        const download = context.store.download.bind(context.store);
        for (const [bad, status] of [
          [3, 0],
          [4, 11],
        ] as const) {
          const own: boolean[] = [];
          context.store.download = async function* (id, range, signal, options) {
            const first = id === fileId && range.from === 0;
            if (first) own.push(options?.ownConnection === true);
            for await (const chunk of download(id, range, signal, options)) {
              if (first && own.length <= bad && chunk.length > 7000) chunk[7000] = (chunk[7000] ?? 0) ^ 1;
              yield chunk;
            }
          };
          assert.equal(await verify(context, { ...quick, level }), status);
          assert.deepEqual(own, [false, true, true, true]);
        }
        await close();
      });
    }

    test('a tar shorter than the manifest says is found, though every byte is as it was stored', async () => {
      const { context, engine } = await restoreContext(profile);
      const short = files.tar.subarray(0, files.tar.length - 10_240);
      await addSealed(
        context.store,
        engine,
        { host: 'web', number: 1, ageDays: 1 },
        short,
        25_000,
        files.tar.length,
      );
      assert.equal(await verify(context, deep), 11);
      assert.match(
        context.out.text,
        /the tar (ends without end-of-archive blocks|ends in the middle of a member|has \d+ bytes)/,
      );
      await engine.close();
    });

    test('--json', async () => {
      const { context, close } = await stored();
      assert.equal(await verify(context, { ...deep, json: true }), 0);
      const report = JSON.parse(context.out.text) as {
        ok: boolean;
        level: string;
        archives: Record<string, unknown>[];
      };
      assert.equal(report.ok, true);
      assert.equal(report.level, 'deep');
      const [archive] = report.archives;
      assert.deepEqual(Object.keys(archive ?? {}).sort(), [
        'checkedBytes',
        'host',
        'notes',
        'number',
        'ok',
        'problems',
        'state',
        'tar',
        'unopened',
        'unproven',
      ]);
      await close();
    });
  });
}

test('archives come by number, though names sort #10 before #9', async () => {
  const { context, engine } = await restoreContext('librepgp');
  for (const number of [10, 9, 2]) addArchive(context.store, { host: 'web', number, ageDays: 30 - number });
  assert.equal(await verify(context, quick), 0);
  assert.deepEqual(context.out.text.match(/#\d+/g), ['#2', '#9', '#10']);
  await engine.close();
});

test('what no passphrase at hand opens is reported as that, and not as damaged', async () => {
  const { context, engine } = await restoreContext('librepgp');
  addArchive(context.store, { host: 'web', number: 1, ageDays: 1 });
  const problem = 'wrong passphrase or key';
  const judge = {
    ...context.judge,
    authenticate: () => Promise.resolve({ kind: 'unopened', problem } as const),
  };
  for (const level of [quick.level, deep.level]) {
    context.out.text = '';
    assert.equal(await verify({ ...context, judge }, { ...quick, level }), 11);
    assert.equal(context.out.text, `web #1: CANNOT BE OPENED\n  ${problem}\n`);
  }
  context.out.text = '';
  await verify({ ...context, judge }, { ...quick, json: true });
  const { ok, archives } = JSON.parse(context.out.text) as {
    ok: boolean;
    archives: Record<string, unknown>[];
  };
  assert.deepEqual([ok, archives[0]?.['problems'], archives[0]?.['unopened']], [false, [], problem]);
  await engine.close();
});

test('quick: a missing volume, a volume of another size, and an invalid manifest are damage', async () => {
  const { context, engine } = await restoreContext('librepgp');
  const { store } = context;
  const missing = addArchive(store, { host: 'missing', number: 1, ageDays: 1 });
  await store.deleteVersion('', missing.volumes[0]?.fileId ?? '');
  addArchive(store, { host: 'torn', number: 1, ageDays: 1 });
  const torn = store.versions.find(({ fileName }) => fileName === 'torn.1.tar.COMPLETE');
  assert.ok(torn);
  store.contents.set(torn.fileId, Buffer.alloc(torn.contentLength, '{ ').fill('x', 2));
  addArchive(store, { host: 'whole', number: 1, ageDays: 1 });
  addArchive(store, { host: 'part', number: 1, ageDays: 1, state: 'partial' });
  addLegacyArchive(store, 'old', 1, 9, ['.aa.gpg', '.ab.gpg']);
  assert.equal(await verify(context, quick), 11);
  assert.match(context.out.text, /missing #1: DAMAGED\n {2}1 of 2 volumes missing: 1\n/);
  assert.match(context.out.text, /torn #1: DAMAGED\n {2}torn\.1\.tar\.COMPLETE: not JSON\n/);
  assert.match(context.out.text, /whole #1: ok\n/);
  assert.match(context.out.text, /old #1: ok\n/);
  assert.match(context.out.text, /part #1: ok \(partial\)\n/);
  assert.equal(await verify(context, { ...quick, host: 'part' }), 5);
  await assert.rejects(verify(context, { ...quick, host: 'nobody' }), { kind: 'notFound' });

  context.out.text = '';
  addArchive(store, { host: 'going', number: 1, ageDays: 0.01, state: 'none' });
  assert.equal(await verify(context, { ...deep, host: 'going', number: 1 }), 10);
  assert.equal(context.out.text, 'going #1: running, not verified\n');
  context.out.text = '';
  addArchive(store, { host: 'hidden', number: 1, ageDays: 3 });
  store.add({ fileName: 'hidden.1.tar.COMPLETE', action: 'hide', uploadTimestamp: NOW - DAY_MS });
  assert.equal(await verify(context, { ...quick, host: 'hidden' }), 5);
  assert.match(
    context.out.text,
    /^hidden #1: ok \(hidden\)\n {2}hidden\.1\.tar\.COMPLETE is hidden, .*unhide/,
  );
  await engine.close();
});
