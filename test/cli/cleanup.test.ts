import { test } from 'node:test';
import assert from 'node:assert/strict';
import { cleanup, type CleanupOptions } from '../../src/cli/cleanup.js';
import { INFO } from '../../src/catalog/names.js';
import { addArchive, addLegacyArchive, DAY_MS, NOW } from './memory-store.js';
import { testContext, type TestContext } from './context.js';

const show: CleanupOptions = {
  olderThanMs: 7 * DAY_MS,
  host: undefined,
  hidden: false,
  yes: false,
  json: false,
};
const doIt: CleanupOptions = { ...show, yes: true };

function infoOf(host: string, number: number, run: string, volume: number): Record<string, string> {
  return {
    [INFO.format]: '1',
    [INFO.host]: host,
    [INFO.number]: String(number),
    [INFO.run]: run,
    [INFO.volume]: String(volume),
  };
}

function start(context: TestContext, host: string, number: number, ageDays: number, run = 'r'): string {
  const fileInfo = infoOf(host, number, run, 0);
  return context.store.add({
    fileName: `${host}.${number}.tar.aa.gpg`,
    action: 'start',
    uploadTimestamp: NOW - ageDays * DAY_MS,
    fileInfo,
  }).fileId;
}

const names = (context: TestContext): string[] =>
  context.store.versions.map(({ fileName }) => fileName).sort();

test('shows what it would remove, and removes nothing without --yes', async () => {
  const context = testContext();
  addArchive(context.store, { host: 'web', number: 1, ageDays: 30, state: 'none' });
  start(context, 'db', 2, 9);
  assert.equal(await cleanup(context, show), 0);
  assert.equal(
    context.out.text,
    `HOST  #  OBJECTS  SIZE     IDLE  WHY
db    2        1   0 B   9 days  not finished, no manifest
web   1        2  20 B  30 days  not finished, no manifest
Nothing was removed: --yes removes it.
`,
  );
  assert.deepEqual(context.store.deleted, []);
});

test('--yes removes unfinished large files, runs without manifest and superseded runs, and nothing else', async () => {
  const context = testContext();
  addArchive(context.store, { host: 'good', number: 1, ageDays: 100 });
  addArchive(context.store, { host: 'twice', number: 1, ageDays: 90, run: 'old' });
  addArchive(context.store, { host: 'twice', number: 1, ageDays: 80, run: 'new' });
  addArchive(context.store, { host: 'dead', number: 1, ageDays: 30, state: 'none' });
  addArchive(context.store, { host: 'young', number: 1, ageDays: 3, state: 'none' });
  addLegacyArchive(context.store, 'old', 1, 300, ['.aa.gpg'], false);
  context.store.add({ fileName: 'holiday.jpg', uploadTimestamp: 0 });
  context.store.add({ fileName: 'big.iso', action: 'start', uploadTimestamp: 0 });
  start(context, 'db', 2, 9);
  assert.equal(await cleanup(context, doIt), 0);
  assert.deepEqual(names(context), [
    'big.iso',
    'good.1.tar.COMPLETE',
    'good.1.tar.aa.gpg',
    'good.1.tar.ab.gpg',
    'holiday.jpg',
    'old.1.tar.aa.gpg',
    'twice.1.tar.COMPLETE',
    'twice.1.tar.aa.gpg',
    'twice.1.tar.ab.gpg',
    'young.1.tar.aa.gpg',
    'young.1.tar.ab.gpg',
  ]);
  assert.ok(
    context.store.versions
      .filter(({ fileName }) => fileName.startsWith('twice'))
      .every(({ fileInfo }) => fileInfo[INFO.run] === 'new'),
  );
});

test('a run that is old but goes on is left alone: by its journal, or by its newest object', async () => {
  const context = testContext();
  const fileId = start(context, 'mine', 1, 20);
  start(context, 'elsewhere', 1, 20);
  context.store.add({
    fileName: 'elsewhere.1.tar.ab.gpg',
    action: 'start',
    uploadTimestamp: NOW - DAY_MS,
    fileInfo: infoOf('elsewhere', 1, 'r', 1),
  });
  await cleanup({ ...context, isAlive: (version) => version.fileId === fileId }, doIt);
  assert.deepEqual(context.store.deleted, []);
  assert.match(context.out.text, /Nothing to clean up/);
});

test('what Object Lock protects is reported, and the exit status says so', async () => {
  const context = testContext();
  const { volumes } = addArchive(context.store, { host: 'web', number: 1, ageDays: 30, state: 'none' });
  context.store.locked.add(volumes[0]?.fileId ?? '');
  assert.equal(await cleanup(context, { ...doIt, json: true }), 14);
  const report = JSON.parse(context.out.text) as { deleted: number; left: unknown[]; strays: unknown[] };
  assert.deepEqual([report.deleted, report.left.length, report.strays.length], [1, 1, 1]);
});

test("what another tool has hidden: a good archive is no stray; one that is hidden from end to end goes on the owner's word, once that is old enough", async () => {
  const context = testContext();
  const { store } = context;
  for (const number of [1, 2, 3, 4]) addArchive(store, { host: 'web', number, ageDays: 100 });
  const hide = (number: number, name: string, ageDays: number): unknown =>
    store.add({
      fileName: `web.${number}.tar.${name}`,
      action: 'hide',
      uploadTimestamp: NOW - ageDays * DAY_MS,
    });
  hide(1, 'COMPLETE', 50);
  hide(2, 'aa.gpg', 50);
  for (const name of ['COMPLETE', 'aa.gpg', 'ab.gpg']) {
    hide(3, name, 50);
    hide(4, name, 2);
  }
  assert.equal(await cleanup(context, doIt), 0);
  assert.equal(store.deleted.length, 0);
  assert.match(
    context.out.text,
    /^web #3 is hidden from end to end and stays: unhide it, or --hidden removes it\.$/m,
  );
  assert.equal(await cleanup(context, { ...doIt, hidden: true }), 0);
  assert.match(context.out.text, /^web +3 +6 +\d+ B +50 days +all of it was hidden by another tool$/m);
  assert.deepEqual([...new Set(names(context).map((name) => name.slice(0, 5)))], ['web.1', 'web.2', 'web.4']);
  assert.equal(store.deleted.filter((name) => name.startsWith('web.3')).length, 6);
});

test('a legal hold: locked until it is lifted, and the rest goes on', async () => {
  const context = testContext();
  addArchive(context.store, { host: 'web', number: 1, ageDays: 30, state: 'none' });
  addArchive(context.store, { host: 'web', number: 2, ageDays: 30, state: 'none' });
  const [held] = context.store.versions;
  assert.ok(held);
  context.store.versions[0] = { ...held, legalHold: true };
  context.store.locked.add(held.fileId);
  assert.equal(await cleanup(context, doIt), 14);
  assert.deepEqual(context.out.notes, [
    `left ${held.fileName}: locked until the hold is lifted (legal hold)`,
  ]);
  assert.deepEqual(names(context), [held.fileName]);
});

test('a wrong clock: cleanup removes nothing', async () => {
  const context = testContext();
  addArchive(context.store, { host: 'web', number: 1, ageDays: 1, state: 'none' });
  const clock = { ...context.clock, now: () => NOW + 100 * DAY_MS };
  await assert.rejects(cleanup({ ...context, clock }, doIt), { kind: 'local' });
  assert.deepEqual(context.store.deleted, []);
});

test('a host that B2 does not have is status 13', async () => {
  await assert.rejects(cleanup(testContext(), { ...doIt, host: 'wbe' }), { kind: 'notFound' });
});
