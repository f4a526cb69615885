import { test } from 'node:test';
import assert from 'node:assert/strict';
import { locate } from '../../src/cli/archives.js';
import { list } from '../../src/cli/list.js';
import { addArchive, addLegacyArchive } from './memory-store.js';
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
  assert.match(context.out.text, /1 object of other programs \(5 B\), left alone/);
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

test('an empty bucket is said, not shown as an empty table', async () => {
  const context = testContext();
  assert.equal(await list(context, all), 0);
  assert.equal(context.out.text, 'No archives.\n');
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
