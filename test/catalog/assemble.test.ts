import { test } from 'node:test';
import assert from 'node:assert/strict';
import { authenticate } from '../../src/catalog/authenticity.js';
import { isHiddenWhole, type Archive } from '../../src/catalog/archive.js';
import { removalSteps } from '../../src/catalog/removal.js';
import { INFO } from '../../src/catalog/names.js';
import { groupArchives, readArchive, readArchives, type CatalogOptions } from '../../src/catalog/read.js';
import {
  addArchive,
  addLegacyArchive,
  DAY_MS,
  memoryStore,
  NOW,
  type MemoryStore,
} from '../cli/memory-store.js';

const options: CatalogOptions = { prefix: '', now: NOW, isAlive: () => false, activeMs: 3_600_000 };

const legacy = { legacy: true };

async function all(
  store: MemoryStore,
  more: Partial<CatalogOptions> = {},
  host?: string,
): Promise<Archive[]> {
  const archives: Archive[] = [];
  for await (const archive of readArchives(store, { ...options, ...more }, host)) archives.push(archive);
  return archives;
}

const brief = (archives: Archive[]): string[] =>
  archives.map(
    ({ host, number, state, volumes }) =>
      `${host} ${number} ${state} ${volumes.map(({ index }) => index).join(',')}`,
  );

test('finished, partial, running, unfinished and damaged archives are told apart', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 3 });
  addArchive(store, { host: 'a', number: 2, ageDays: 3, state: 'partial' });
  addArchive(store, { host: 'a', number: 3, ageDays: 3, state: 'none' });
  addArchive(store, { host: 'a', number: 4, ageDays: 0.01, state: 'none' });
  const { volumes } = addArchive(store, { host: 'a', number: 5, ageDays: 3 });
  await store.deleteVersion('', volumes[0]?.fileId ?? '');
  assert.deepEqual(brief(await all(store)), [
    'a 1 finished 0,1',
    'a 2 partial 0,1',
    'a 3 unfinished 0,1',
    'a 4 running 0,1',
    'a 5 damaged 1',
  ]);
  assert.deepEqual((await all(store))[4]?.problems, ['1 of 2 volumes missing: 1']);
});

test('an old run whose journal is alive is running, also when its only object is an unfinished large file', async () => {
  const store = memoryStore();
  const start = store.add({
    fileName: 'a.1.tar.aa.gpg',
    action: 'start',
    uploadTimestamp: NOW - 3 * DAY_MS,
    fileInfo: { [INFO.format]: '1', [INFO.run]: 'r', [INFO.host]: 'a', [INFO.number]: '1' },
  });
  assert.equal((await all(store))[0]?.state, 'unfinished');
  const [running] = await all(store, { isAlive: (version) => version.fileId === start.fileId });
  assert.equal(running?.state, 'running');
  assert.deepEqual(
    running.unfinished.map(({ fileId, alive }) => [fileId, alive]),
    [[start.fileId, true]],
  );
});

test('a run that ended according to its journal is stopped, however recent; one that is going on is not', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 0.01, state: 'none' });
  assert.equal((await all(store))[0]?.state, 'running');
  assert.equal((await all(store, { isStopped: () => true }))[0]?.state, 'stopped');
  assert.equal((await all(store, { isStopped: () => true, isAlive: () => true }))[0]?.state, 'running');
});

test('archives of the older Python scripts are found by name, with suffixes of more than two letters in order', async () => {
  const store = memoryStore();
  addLegacyArchive(store, 'old.example', 7, 40, ['.aa.gpg', '.ab.gpg']);
  addLegacyArchive(store, 'old.example', 8, 10, ['.gpg']);
  addLegacyArchive(store, 'old.example', 9, 10, ['.aa.gpg', '.ab.gpg'], false);
  addLegacyArchive(store, 'plain', 1, 10, ['.aa', '.ab']);
  assert.deepEqual(await all(store), [], 'names alone prove nothing');
  const archives = await all(store, legacy);
  assert.deepEqual(brief(archives), [
    'old.example 7 finished 0,1',
    'old.example 8 finished 0',
    'old.example 9 unfinished 0,1',
    'plain 1 finished 0,1',
  ]);
  assert.ok(archives.every(({ proof }) => proof === 'name'));
  assert.deepEqual(
    archives.at(-1)?.volumes.map(({ encrypted }) => encrypted),
    [false, false],
  );
});

test('COMPLETE written although parts failed: a gap in the suffixes is damage, not a finished backup', async () => {
  const store = memoryStore();
  addLegacyArchive(store, 'h', 1, 9, ['.aa.gpg', '.ac.gpg']);
  addLegacyArchive(store, 'h', 2, 9, []);
  const archives = await all(store, legacy);
  assert.deepEqual(
    archives.map(({ state, problems }) => [state, problems]),
    [
      ['damaged', ['1 of 3 volumes missing: 2']],
      ['damaged', ['1 of 1 volumes missing: 1']],
    ],
  );
});

test('a missing split suffix of more than two letters: volume 651 is zaaa, and it is the last', async () => {
  const store = memoryStore();
  const letters = Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i));
  const suffixes = letters.slice(0, 25).flatMap((a) => letters.map((b) => `.${a}${b}.gpg`));
  addLegacyArchive(store, 'big', 1, 9, [...suffixes, '.zaaa.gpg', '.zaab.gpg']);
  const [archive] = await all(store, legacy);
  assert.equal(archive?.state, 'finished');
  assert.equal(archive.volumes.length, 652);
  assert.deepEqual(
    archive.volumes.slice(-3).map(({ name }) => name),
    ['big.1.tar.yz.gpg', 'big.1.tar.zaaa.gpg', 'big.1.tar.zaab.gpg'],
  );
});

test('.gz alone is an extension, but the 182nd suffix where the archive is split and has none', async () => {
  const store = memoryStore();
  addLegacyArchive(store, 'a', 1, 9, ['.gz.gpg']);
  addLegacyArchive(store, 'b', 1, 9, ['.aa.gpg', '.gz.gpg']);
  addLegacyArchive(store, 'c', 1, 9, ['.gz.aa.gpg', '.gz.ab.gpg']);
  assert.deepEqual(
    (await all(store, legacy)).map(({ extension, volumes }) => [
      extension,
      volumes.map(({ index }) => index),
    ]),
    [
      ['.gz', [0]],
      ['', [0, 181]],
      ['.gz', [0, 1]],
    ],
  );
});

test('several runs of one host and number: the newest consistent one wins, the others are leftovers', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 30, run: 'first' });
  addArchive(store, { host: 'a', number: 1, ageDays: 20, run: 'second' });
  addArchive(store, { host: 'a', number: 1, ageDays: 10, run: 'third', state: 'none' });
  const [archive, ...others] = await all(store);
  assert.deepEqual(others, []);
  assert.equal(archive?.run, 'second');
  assert.equal(archive.state, 'finished');
  assert.deepEqual(archive.leftovers.map(({ run }) => run).sort(), [
    'first',
    'first',
    'first',
    'third',
    'third',
  ]);
  assert.deepEqual(
    archive.volumes.map(({ shadowed }) => shadowed),
    [true, true],
  );
});

test('a finished run wins over a newer partial one', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 30, run: 'first' });
  addArchive(store, { host: 'a', number: 1, ageDays: 20, run: 'second', state: 'partial' });
  assert.equal((await all(store))[0]?.run, 'first');
});

test('hidden by another tool: reported as such, for the manifest, a volume, and the whole archive', async () => {
  const store = memoryStore();
  const hide = (fileName: string): unknown =>
    store.add({ fileName, action: 'hide', uploadTimestamp: NOW - DAY_MS });
  for (const number of [1, 2, 3]) addArchive(store, { host: 'a', number, ageDays: 30 });
  hide('a.1.tar.COMPLETE');
  hide('a.2.tar.ab.gpg');
  for (const name of ['COMPLETE', 'aa.gpg', 'ab.gpg']) hide(`a.3.tar.${name}`);
  const archives = await all(store);
  assert.deepEqual(brief(archives), ['a 1 hidden 0,1', 'a 2 hidden 0,1', 'a 3 hidden 0,1']);
  assert.deepEqual(archives.map(isHiddenWhole), [false, false, true]);
  assert.match(archives[0]?.problems[0] ?? '', /^a\.1\.tar\.COMPLETE is hidden, .*unhide/);
  assert.match(archives[1]?.problems[0] ?? '', /^a\.2\.tar\.ab\.gpg is hidden/);
  assert.match(archives[2]?.problems[0] ?? '', /^all of it is hidden/);
  assert.deepEqual(
    archives[0]?.leftovers.map(({ reason }) => reason),
    ['hide marker'],
  );
});

test('a finished run wins over a hidden one, and a hidden one over a run without a manifest', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 30, run: 'hidden' });
  store.add({ fileName: 'a.1.tar.COMPLETE', action: 'hide', uploadTimestamp: NOW - 25 * DAY_MS });
  addArchive(store, { host: 'a', number: 1, ageDays: 20, run: 'begun', state: 'none' });
  assert.deepEqual(
    (await all(store)).map(({ run, state }) => [run, state]),
    [['hidden', 'hidden']],
  );
  addArchive(store, { host: 'a', number: 1, ageDays: 10, run: 'whole' });
  assert.deepEqual(
    (await all(store)).map(({ run, state }) => [run, state]),
    [['whole', 'finished']],
  );
});

/** As a client leaves them that copies objects and not their file info. */
function dropFileInfo(store: MemoryStore, which: (fileName: string) => boolean = () => true): void {
  for (const [at, version] of store.versions.entries()) {
    const content = store.contents.get(version.fileId);
    if (!which(version.fileName) || content === undefined) continue;
    const fileId = `copy-of-${version.fileId}`;
    store.versions[at] = { ...version, fileId, fileInfo: {}, contentLength: content.length };
    store.contents.set(fileId, content);
  }
}

test('file info lost in a copy: the manifest is read, and what it names is the archive', async () => {
  const store = memoryStore();
  const { volumes } = addArchive(store, { host: 'a', number: 1, ageDays: 30, codec: 'zstd' });
  dropFileInfo(store);
  const [archive] = await all(store);
  assert.deepEqual(
    [archive?.proof, archive?.state, archive?.codec, archive?.run],
    ['manifest', 'finished', 'zstd', 'run-1'],
  );
  await store.deleteVersion('', `copy-of-${volumes[1]?.fileId ?? ''}`);
  assert.deepEqual(
    (await all(store)).map(({ state, problems }) => [state, problems]),
    [['damaged', ['1 of 2 volumes missing: 2']]],
  );
});

test('a manifest that alone has lost its file info still finishes its archive', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 30 });
  dropFileInfo(store, (name) => name.endsWith('COMPLETE'));
  assert.deepEqual(
    (await all(store)).map(({ proof, state }) => [proof, state]),
    [['file-info', 'finished']],
  );
});

test('objects of a run that this version does not know live and go with it', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 30 });
  const known = store.versions[0]?.fileInfo ?? {};
  const fileInfo = Object.fromEntries(Object.entries(known).filter(([key]) => key !== INFO.volume));
  store.add({ fileName: 'a.1.tar.FILES.gpg', fileInfo, uploadTimestamp: NOW - 30 * DAY_MS });
  const [archive] = await all(store);
  assert.equal(archive?.state, 'finished');
  assert.deepEqual(
    archive.others.map(({ name }) => name),
    ['a.1.tar.FILES.gpg'],
  );
  assert.deepEqual(archive.leftovers, []);
  assert.ok(
    removalSteps(archive).some(({ objects }) => objects.some(({ name }) => name.endsWith('FILES.gpg'))),
  );
});

test('a lost response left two versions of one volume: one counts, the other is a leftover', async () => {
  const store = memoryStore();
  const { volumes } = addArchive(store, { host: 'a', number: 1, ageDays: 3 });
  const twin = store.versions.find(({ fileId }) => fileId === volumes[1]?.fileId);
  assert.ok(twin);
  store.add({ ...twin, fileId: 'older', uploadTimestamp: twin.uploadTimestamp - 1 });
  const [archive] = await all(store);
  assert.equal(archive?.state, 'finished');
  assert.deepEqual(
    archive.leftovers.map(({ fileId, reason }) => [fileId, reason]),
    [['older', 'older version']],
  );
});

test('objects of other programs and other prefixes are not archives', async () => {
  const store = memoryStore();
  store.add({ fileName: 'holiday.jpg' });
  store.add({ fileName: 'other/a.1.tar.aa.gpg' });
  addArchive(store, { host: 'a', number: 1, ageDays: 1, prefix: 'bpc/' });
  const foreign: string[] = [];
  const archives: Archive[] = [];
  for await (const archive of groupArchives(store.listVersions(''), {
    ...options,
    prefix: 'bpc/',
    foreign: ({ version }) => foreign.push(version.fileName),
  }))
    archives.push(archive);
  assert.deepEqual(brief(archives), ['a 1 finished 0,1']);
  assert.deepEqual(foreign, ['holiday.jpg', 'other/a.1.tar.aa.gpg']);
});

test("what this program stored under another prefix is neither an archive here nor somebody else's of that name", async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 1 });
  for (const prefix of ['srv/', 'srv-']) addArchive(store, { host: 'a', number: 1, ageDays: 1, prefix });
  const foreign: unknown[] = [];
  const archives: Archive[] = [];
  for await (const archive of groupArchives(store.listVersions(''), {
    ...options,
    foreign: ({ named }) => foreign.push(named),
  }))
    archives.push(archive);
  assert.deepEqual(brief(archives), ['a 1 finished 0,1']);
  assert.ok(foreign.length > 0);
  assert.deepEqual([...new Set(foreign)], [undefined]);
});

test('host web is not host web.1, and #1 is not #10', async () => {
  const store = memoryStore();
  for (const [host, number] of [
    ['web', 1],
    ['web', 10],
    ['web.1', 1],
    ['web.1', 10],
  ] as const)
    addArchive(store, { host, number, ageDays: 1 });
  assert.deepEqual(brief(await all(store, {}, 'web')), ['web 1 finished 0,1', 'web 10 finished 0,1']);
  const archive = await readArchive(store, 'web', 1, options);
  assert.equal(archive?.host, 'web');
  assert.equal(archive.number, 1);
});

test('the manifest of another run under the same name is refused', async () => {
  const store = memoryStore();
  addArchive(store, { host: 'a', number: 1, ageDays: 3 });
  const [archive] = await all(store);
  assert.ok(archive);
  const nothing = { open: undefined, isSigned: undefined, recorded: () => undefined };
  const own = await authenticate(store, archive, nothing);
  assert.equal(own.kind === 'unproven' && own.manifest?.volumes.length, 2);
  const other = await authenticate(store, { ...archive, run: 'other' }, nothing);
  assert.match(other.kind === 'damaged' ? other.problem : '', /is the manifest of a #1, run run-1/);
});

test('ten thousand archives of twenty volumes go through with the memory of one', async () => {
  function* listing(): Generator<MemoryStore['versions'][number]> {
    for (let number = 10_000; number < 20_000; number++) {
      const base = {
        action: 'upload',
        contentLength: 100,
        contentSha1: undefined,
        contentType: '',
        uploadTimestamp: 1,
        lockedUntil: undefined,
        legalHold: false,
      } as const;
      const fileInfo = {
        [INFO.format]: '1',
        [INFO.host]: 'h',
        [INFO.number]: String(number),
        [INFO.run]: 'r',
      };
      yield {
        ...base,
        fileName: `h.${number}.tar.COMPLETE`,
        fileId: `m${number}`,
        fileInfo: { ...fileInfo, [INFO.volumes]: '20', [INFO.bytes]: '2000' },
      };
      for (let v = 0; v < 20; v++) {
        yield {
          ...base,
          fileName: `h.${number}.tar.a${String.fromCharCode(97 + v)}.gpg`,
          fileId: `v${number}.${v}`,
          fileInfo: { ...fileInfo, [INFO.volume]: String(v) },
        };
      }
    }
  }
  let finished = 0;
  let mostHeap = 0;
  const before = process.memoryUsage().heapUsed;
  for await (const archive of groupArchives(listing(), options)) {
    if (archive.state === 'finished') finished += 1;
    if (finished % 1000 === 0) mostHeap = Math.max(mostHeap, process.memoryUsage().heapUsed - before);
  }
  assert.equal(finished, 10_000);
  assert.ok(mostHeap < 64 * 1024 * 1024, `${mostHeap} bytes of heap`);
});
