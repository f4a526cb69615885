import { test } from 'node:test';
import assert from 'node:assert/strict';
import { cleanup, type CleanupOptions } from '../../src/cli/cleanup.js';
import { INFO } from '../../src/catalog/names.js';
import { addArchive, addLegacyArchive, DAY_MS, NOW } from './memory-store.js';
import { testContext, type TestContext } from './context.js';

const show: CleanupOptions = { olderThanMs: 7 * DAY_MS, host: undefined, yes: false, json: false };
const doIt: CleanupOptions = { ...show, yes: true };

function start(context: TestContext, host: string, number: number, ageDays: number, run = 'r'): string {
  const fileInfo = { [INFO.host]: host, [INFO.number]: String(number), [INFO.run]: run, [INFO.volume]: '0' };
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
  const info = { [INFO.host]: 'elsewhere', [INFO.number]: '1', [INFO.run]: 'r', [INFO.volume]: '1' };
  context.store.add({
    fileName: 'elsewhere.1.tar.ab.gpg',
    action: 'start',
    uploadTimestamp: NOW - DAY_MS,
    fileInfo: info,
  });
  await cleanup({ ...context, isAlive: (version) => version.fileId === fileId }, doIt);
  assert.deepEqual(context.store.deleted, []);
  assert.match(context.out.text, /Nothing to clean up/);
});

test('what Object Lock holds is reported, and the exit status says so', async () => {
  const context = testContext();
  const { volumes } = addArchive(context.store, { host: 'web', number: 1, ageDays: 30, state: 'none' });
  context.store.locked.add(volumes[0]?.fileId ?? '');
  assert.equal(await cleanup(context, { ...doIt, json: true }), 14);
  const report = JSON.parse(context.out.text) as { deleted: number; left: unknown[]; strays: unknown[] };
  assert.deepEqual([report.deleted, report.left.length, report.strays.length], [1, 1, 1]);
});
