import { describe, it, test } from 'node:test';
import assert from 'node:assert/strict';
import { locate } from '../../src/cli/archives.js';
import { list } from '../../src/cli/list.js';
import { INFO } from '../../src/catalog/names.js';
import { addArchive, addLegacyArchive, DAY_MS, NOW } from './memory-store.js';
import { testContext, type TestContext } from './context.js';

function filled(): TestContext {
  const context = testContext();
  addArchive(context.store, { host: 'web.example.org', number: 10, ageDays: 0.2 });
  addArchive(context.store, { host: 'web.example.org', number: 9, ageDays: 7.3 });
  addArchive(context.store, { host: 'web.example.org', number: 11, ageDays: 0.01, state: 'none' });
  addArchive(context.store, { host: 'db', number: 3, ageDays: 30, state: 'partial' });
  addLegacyArchive(context.store, 'gandalf', 120, 400, ['.aa.gpg', '.ab.gpg']);
  context.store.add({ fileName: 'holiday.jpg', contentLength: 5 });
  return context;
}

const all = { hosts: [], json: false, verbose: false, legacy: true };

test('the table is sorted by host, then by number as a number', async () => {
  const context = filled();
  assert.equal(await list(context, all), 0);
  assert.equal(
    context.out.text,
    `HOST               #  STATE          AGE  SIZE  VOLUMES  LAST ACTIVITY
db                 3  partial    30 days  20 B        2  2026-05-16 12:00 UTC
gandalf          120  finished  400 days  28 B        2  2025-05-11 12:00 UTC
web.example.org    9  finished    7 days  20 B        2  2026-06-08 04:48 UTC
web.example.org   10  finished       4 h  20 B        2  2026-06-15 07:12 UTC
web.example.org   11  running     14 min  20 B        2  2026-06-15 11:45 UTC
5 archives of 3 hosts, 3 finished, 108 B
`,
  );
});

test('--host shows that host alone, and no host that only begins like it', async () => {
  const context = filled();
  addArchive(context.store, { host: 'web', number: 1, ageDays: 1 });
  await list(context, { ...all, hosts: ['web'] });
  assert.match(context.out.text, /^web +1 +finished/m);
  assert.doesNotMatch(context.out.text, /example/);
});

test('--verbose says why, what else lies there, and what the listing cost', async () => {
  const context = filled();
  await list(context, { ...all, verbose: true });
  assert.match(context.out.text, /db #3: the archive was stored although files were missing/);
  assert.match(context.out.text, /1 object of other programs or prefixes \(5 B\), left alone/);
  assert.match(context.out.text, /B2 calls: 1 of class C, 0 of class B/);
});

test('--verbose shows what large files are unfinished', async () => {
  const context = testContext();
  const { run } = addArchive(context.store, { host: 'web', number: 1, ageDays: 30 });
  const fileInfo = {
    'bb2-format': '1',
    'bb2-host': 'web',
    'bb2-number': '1',
    'bb2-run': run,
    'bb2-volume': '9',
  };
  context.store.add({ fileName: 'web.1.tar.aj.gpg', action: 'start', fileInfo });
  await list(context, { ...all, verbose: true });
  assert.match(context.out.text, /1 unfinished large file of its run/);
});

test('--json is one object, with times in ISO 8601 and null for what is not there', async () => {
  const context = filled();
  await list(context, { ...all, json: true });
  const { archives, calls } = JSON.parse(context.out.text) as {
    archives: Record<string, unknown>[];
    calls: unknown;
  };
  assert.deepEqual(calls, { classB: 0, classC: 1 });
  assert.deepEqual(archives[1], {
    bucket: 'bucket',
    host: 'gandalf',
    number: 120,
    state: 'finished',
    problems: [],
    startedAt: '2025-05-11T12:00:00.000Z',
    finishedAt: '2025-05-11T12:00:00.000Z',
    lastActivityAt: '2025-05-11T12:00:00.000Z',
    ageSeconds: 400 * 86_400,
    bytes: 28,
    sentBytes: 28,
    copiedBytes: 0,
    volumes: 2,
    codec: null,
    profile: null,
    proof: 'name',
    legacy: true,
    rerunning: false,
    unfinished: 0,
    leftovers: 0,
    leftoverBytes: 0,
  });
  assert.equal(archives[4]?.['finishedAt'], null);
});

test('a host name with terminal escapes is shown, not obeyed', async () => {
  const context = testContext();
  addArchive(context.store, { host: 'e\u001b[2Jvil', number: 1, ageDays: 1 });
  await list(context, all);
  assert.match(context.out.text, /^e\?\[2Jvil/m);
});

/** An archive whose volumes are cut by content. */
function addCut(
  context: TestContext,
  number: number,
  volumes: number,
  manifest?: { copiedBytes: number },
): void {
  const stem = `web.${number}.tar`;
  const info = {
    [INFO.format]: '1',
    [INFO.host]: 'web',
    [INFO.number]: String(number),
    [INFO.run]: `run-${number}`,
    [INFO.codec]: 'zstd',
    [INFO.profile]: 'librepgp',
  };
  const uploadTimestamp = NOW - DAY_MS;
  for (let index = 0; index < volumes; index++) {
    const fileName = `${stem}.zst/${String(index).padStart(6, '0')}.gpg`;
    const fileInfo = { ...info, [INFO.volume]: String(index) };
    context.store.add({ fileName, fileInfo, contentLength: 1000, uploadTimestamp: uploadTimestamp - DAY_MS });
  }
  if (manifest === undefined) return;
  const fileInfo = {
    ...info,
    [INFO.state]: 'finished',
    [INFO.volumes]: String(volumes),
    [INFO.bytes]: String(1000 * volumes),
    [INFO.copied]: String(manifest.copiedBytes),
    [INFO.started]: String(uploadTimestamp - DAY_MS),
  };
  context.store.add({ fileName: `${stem}.COMPLETE`, fileInfo, uploadTimestamp, contentLength: 400 });
}

describe('volumes cut by content', () => {
  it('are not gone through: sent and copied bytes are those of the manifest', async () => {
    const context = testContext();
    for (let number = 1; number <= 10; number++) addCut(context, number, 2000, { copiedBytes: 1_900_000 });
    addArchive(context.store, { host: 'db', number: 3, ageDays: 1 });
    await list(context, { ...all, json: true });
    const { archives, calls } = JSON.parse(context.out.text) as {
      archives: Record<string, unknown>[];
      calls: unknown;
    };
    assert.deepEqual(calls, { classB: 0, classC: 1 });
    const { state, bytes, sentBytes, copiedBytes, volumes, codec, startedAt } = archives[1] ?? {};
    assert.deepEqual(
      { state, bytes, sentBytes, copiedBytes, volumes, codec, startedAt },
      {
        state: 'finished',
        bytes: 2_000_000,
        sentBytes: 100_000,
        copiedBytes: 1_900_000,
        volumes: 2000,
        codec: 'zstd',
        startedAt: '2026-06-13T12:00:00.000Z',
      },
    );
    const table = testContext();
    addCut(table, 12, 2, { copiedBytes: 1000 });
    addArchive(table.store, { host: 'db', number: 3, ageDays: 1 });
    await list(table, all);
    assert.match(table.out.text, /^HOST +# +STATE +AGE +SIZE +SENT +COPIED +VOLUMES/);
    assert.match(table.out.text, /^db +3 +finished +24 h +20 B +20 B +- +2 /m);
    assert.match(table.out.text, /^web +12 +finished +24 h +1\.95 KiB +1000 B +1000 B +2 /m);
  });

  it('of an archive without a manifest are gone through, and so are all with --verbose', async () => {
    const context = testContext();
    addCut(context, 1, 3);
    addCut(context, 2, 3, { copiedBytes: 0 });
    const lost = context.store.versions.findIndex(({ fileName }) => fileName.startsWith('web.2.tar.zst/'));
    context.store.versions.splice(lost, 1);
    await list(context, all);
    assert.match(context.out.text, /^web +1 +unfinished +\d+ \S+ +\S+ \S+ +3 /m);
    assert.match(context.out.text, /^web +2 +finished/m);
    const verbose = testContext();
    verbose.store.versions.push(...context.store.versions);
    await list(verbose, { ...all, verbose: true });
    assert.match(verbose.out.text, /^web +2 +damaged/m);
  });
});

test('an empty bucket is said, not shown as an empty table', async () => {
  const context = testContext();
  assert.equal(await list(context, all), 0);
  assert.equal(context.out.text, 'No archives.\n');
});

test('a host that B2 does not have is status 13, whatever else there is', async () => {
  const context = testContext();
  addArchive(context.store, { host: 'web', number: 1, ageDays: 1 });
  assert.equal(await list(context, { ...all, hosts: ['web', 'wbe'] }), 13);
  assert.match(context.out.text, /^web +1 +finished/m);
  assert.deepEqual(context.out.notes, ['no archive of wbe in B2']);
  assert.equal(await list(context, { ...all, hosts: ['wbe'], json: true }), 13);
});

test('numbers that start over with a new BackupPC: what finished last is last', async () => {
  const context = testContext();
  addArchive(context.store, { host: 'web', number: 812, ageDays: 700 });
  addArchive(context.store, { host: 'web', number: 3, ageDays: 1 });
  await list(context, { ...all, json: true });
  const { archives } = JSON.parse(context.out.text) as { archives: { number: number }[] };
  assert.deepEqual(
    archives.map(({ number }) => number),
    [812, 3],
  );
  const { archive } = await locate(context, { host: 'web', number: undefined, unfinalized: false });
  assert.equal(archive.number, 3);
});
