/** Every command that deletes, on a bucket full of other people's objects: none of theirs goes, and what stays is said. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { cleanup } from '../../src/cli/cleanup.js';
import { deleteArchives, type DeleteOptions } from '../../src/cli/delete.js';
import { list } from '../../src/cli/list.js';
import { locate } from '../../src/cli/archives.js';
import { startBackups } from '../../src/cli/legacy/start-backups.js';
import { testContext, type TestContext } from './context.js';
import { addArchive, addLegacyArchive, DAY_MS } from './memory-store.js';
import { addStrangers } from './strangers.js';

function filled(): { context: TestContext; theirs: string[] } {
  const context = testContext();
  const theirs = addStrangers(context.store);
  addArchive(context.store, { host: 'web', number: 1, ageDays: 390 });
  addArchive(context.store, { host: 'web', number: 2, ageDays: 200, run: 'dead', state: 'none' });
  addArchive(context.store, { host: 'web', number: 3, ageDays: 1 });
  return { context, theirs };
}

const byAge: DeleteOptions = {
  host: undefined,
  number: undefined,
  rules: { ageDays: 30, keep: 1, periods: {} },
  dryRun: false,
  yes: true,
  json: false,
};
const named = { ageDays: undefined, keep: 1, periods: {} };

const lost = (context: TestContext, ids: readonly string[]): string[] =>
  ids.filter((id) => !context.store.versions.some(({ fileId }) => fileId === id));

const commands: [name: string, run: (context: TestContext) => Promise<unknown>][] = [
  ['delete --age --yes', (context) => deleteArchives(context, byAge)],
  [
    'delete --age --keep 0',
    (context) => deleteArchives(context, { ...byAge, rules: { ...byAge.rules, keep: 0 } }),
  ],
  [
    'delete --keep-daily',
    (context) =>
      deleteArchives(context, { ...byAge, rules: { ageDays: undefined, keep: 0, periods: { daily: 1 } } }),
  ],
  [
    'delete --host web --number 1',
    (context) => deleteArchives(context, { ...byAge, rules: named, host: 'web', number: 1 }),
  ],
  [
    'cleanup --yes',
    (context) =>
      cleanup(context, { olderThanMs: DAY_MS, host: undefined, hidden: true, yes: true, json: false }),
  ],
  [
    'cleanup --host web',
    (context) => cleanup(context, { olderThanMs: 0, host: 'web', hidden: true, yes: true, json: false }),
  ],
  [
    'delete --legacy: none of them is a whole set',
    (context) =>
      deleteArchives(context, { ...byAge, legacy: true, rules: { ageDays: 0, keep: 0, periods: {} } }),
  ],
];

for (const [name, run] of commands) {
  test(`${name} leaves what is not ours`, async () => {
    const { context, theirs } = filled();
    await run(context);
    assert.deepEqual(lost(context, theirs), []);
  });
}

test('delete and cleanup do their work beside it, and say what they left alone', async () => {
  const { context } = filled();
  assert.equal(await deleteArchives(context, byAge), 0);
  assert.match(context.out.text, /deleted web #1: 3 objects/);
  assert.match(
    context.out.text,
    /^Left alone: \d+ objects \([^)]+\) named like archives, but without the file info of this program; 'list' shows them\.$/m,
  );
  context.out.text = '';
  assert.equal(
    await cleanup(context, { olderThanMs: DAY_MS, host: undefined, hidden: true, yes: true, json: false }),
    0,
  );
  assert.match(context.out.text, /^Left alone: /m);
});

test('a run whose manifest somebody has put in place without file info is not taken for abandoned', async () => {
  const { context } = filled();
  await cleanup(context, { olderThanMs: 0, host: undefined, hidden: true, yes: true, json: false });
  assert.deepEqual(context.store.deleted, []);
});

test('named on the command line, they are not archives', async () => {
  const { context, theirs } = filled();
  for (const [host, number] of [
    ['photos', 2023],
    ['mysql', 7],
    ['backup', 20230101],
    ['dump', 5],
    ['mail', 9],
    ['big', 4],
  ] as const) {
    await assert.rejects(deleteArchives(context, { ...byAge, rules: named, host, number }), {
      kind: 'notFound',
      hint: /without this program's file info .* --legacy/,
    });
    await assert.rejects(locate(context, { host, number: undefined, unfinalized: true }), {
      kind: 'notFound',
    });
  }
  for (const [host, number] of [
    ['photos', 2023],
    ['dump', 5],
  ] as const) {
    await assert.rejects(deleteArchives(context, { ...byAge, rules: named, host, number, legacy: true }), {
      kind: 'usage',
      message: /known by its names alone, and not whole/,
    });
  }
  assert.deepEqual(lost(context, theirs), []);
});

test('list shows them apart', async () => {
  const { context } = filled();
  await list(context, { hosts: [], json: false, verbose: false });
  const [ours = '', apart = ''] = context.out.text.split('\nNot ours: ');
  assert.match(ours, /3 archives of 1 host/);
  assert.doesNotMatch(ours, /photos|mysql|dump/);
  assert.match(apart, /^photos +2023 +1 +\d+ B$/m);
  assert.match(apart, /^dump +5 +3 +\d+ B$/m);
  assert.match(apart, /^web +1 +3 +\d+ B$/m);
});

test('they need no new archive, and count as none', async () => {
  const { context } = filled();
  const ran: string[] = [];
  const options = { archiveHost: 'a', program: 'p', target: 9, count: 9, dryRun: false };
  await startBackups(context, options, (_program, words) => {
    ran.push(words.at(-1) ?? '');
    return Promise.resolve(0);
  });
  assert.ok(
    ran.every((host) => host === 'web'),
    ran.join(),
  );
});

test('a whole set of the older scripts goes with --legacy, and never takes the place of an archive of ours', async () => {
  const { context, theirs } = filled();
  addLegacyArchive(context.store, 'old', 7, 400, ['.aa.gpg', '.ab.gpg']);
  addLegacyArchive(context.store, 'old', 8, 300, ['.aa.gpg']);
  addLegacyArchive(context.store, 'web', 900, 0.5, ['.aa.gpg']);
  await deleteArchives(context, { ...byAge, legacy: true });
  const left = new Set(context.store.versions.map(({ fileName }) => /^\w+\.\d+/.exec(fileName)?.[0]));
  assert.ok(!left.has('old.7'));
  assert.ok(left.has('old.8'));
  assert.ok(left.has('web.3'), 'the newest archive of ours');
  assert.deepEqual(lost(context, theirs), []);
});
