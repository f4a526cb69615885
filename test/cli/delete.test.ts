import { test } from 'node:test';
import assert from 'node:assert/strict';
import { deleteArchives, type DeleteOptions } from '../../src/cli/delete.js';
import { startBackups } from '../../src/cli/legacy/start-backups.js';
import { readArchives } from '../../src/catalog/read.js';
import { assembleOptions } from '../../src/cli/archives.js';
import { addArchive, addLegacyArchive, DAY_MS, NOW } from './memory-store.js';
import { testContext, type TestContext } from './context.js';

const byAge: DeleteOptions = {
  host: undefined,
  number: undefined,
  legacy: true,
  rules: { ageDays: 30, keep: 1, periods: {} },
  dryRun: false,
  yes: true,
  json: false,
};

function filled(): TestContext {
  const context = testContext();
  addArchive(context.store, { host: 'web', number: 1, ageDays: 90 });
  addArchive(context.store, { host: 'web', number: 2, ageDays: 60 });
  addArchive(context.store, { host: 'web', number: 3, ageDays: 2, state: 'partial' });
  addLegacyArchive(context.store, 'old', 7, 400, ['.aa.gpg', '.ab.gpg']);
  addLegacyArchive(context.store, 'old', 8, 300, ['.aa.gpg']);
  return context;
}

async function states(context: TestContext): Promise<string[]> {
  const found: string[] = [];
  for await (const { host, number, state } of readArchives(context.store, {
    ...(await assembleOptions(context)),
    legacy: true,
  }))
    found.push(`${host} ${number} ${state}`);
  return found;
}

test('--age deletes the old ones of this program and of the older Python scripts, and keeps the newest finished', async () => {
  const context = filled();
  assert.equal(await deleteArchives(context, byAge), 0);
  assert.deepEqual(await states(context), ['old 8 finished', 'web 2 finished', 'web 3 partial']);
  assert.match(context.out.text, /web +1 +finished +90 days +20 B +delete +90 days old, over 30 days/);
  assert.match(context.out.text, /deleted old #7: 3 objects, \d+ B/);
});

test('a host that B2 does not have is status 13', async () => {
  const context = filled();
  await assert.rejects(deleteArchives(context, { ...byAge, host: 'wbe' }), { kind: 'notFound' });
  await assert.rejects(
    deleteArchives(context, { ...byAge, legacy: false, host: 'old' }),
    ({ hint }: { hint: string }) => /--legacy/.test(hint),
  );
});

test('--dry-run decides and deletes nothing', async () => {
  const context = filled();
  assert.equal(await deleteArchives(context, { ...byAge, dryRun: true, yes: false }), 0);
  assert.deepEqual(context.store.deleted, []);
  assert.match(context.out.text, /Dry run: 2 archives would be deleted/);
});

test('without a terminal and without --yes nothing is deleted', async () => {
  const context = filled();
  await assert.rejects(deleteArchives(context, { ...byAge, yes: false }), { kind: 'usage' });
  assert.deepEqual(context.store.deleted, []);
});

test('a terminal is asked, and only yes is yes', async () => {
  for (const [answer, goes] of [
    ['y', true],
    ['Yes ', true],
    ['', false],
    ['no', false],
    ['yellow', false],
  ] as const) {
    const context = filled();
    context.out.interactive = true;
    context.out.answers = [answer];
    const run = deleteArchives(context, { ...byAge, yes: false });
    if (goes) assert.equal(await run, 0);
    else await assert.rejects(run, { kind: 'interrupted' });
    assert.equal(context.store.deleted.length > 0, goes, answer);
    assert.match(context.out.questions[0] ?? '', /^Delete 2 archives \(\d+ B\)\? \[y\/N\] $/);
  }
});

test('a removal that is interrupted after any number of deletions leaves nothing that looks finished', async () => {
  for (let after = 0; ; after++) {
    const context = testContext();
    addArchive(context.store, { host: 'web', number: 1, ageDays: 90, run: 'one' });
    addArchive(context.store, { host: 'web', number: 1, ageDays: 80, run: 'two' });
    addArchive(context.store, { host: 'web', number: 1, ageDays: 70, run: 'three' });
    context.store.add({ fileName: 'web.1.tar.COMPLETE', action: 'hide', uploadTimestamp: NOW - 75 * DAY_MS });
    context.store.failDeletion = { after, error: new Error('cut') };
    const before = (await states(context))[0];
    const done = await deleteArchives(context, {
      ...byAge,
      host: 'web',
      number: 1,
      rules: { ...byAge.rules, ageDays: undefined },
    }).then(
      () => true,
      () => false,
    );
    const now = await states(context);
    if (done) {
      assert.deepEqual(now, []);
      break;
    }
    // Untouched and whole, or without any manifest: never a manifest without its volumes.
    assert.ok(
      now.length === 0 || now[0] === before || now[0] === 'web 1 unfinished',
      `after ${after}: ${now.join()}`,
    );
    if (
      context.store.versions.some(
        ({ fileName, action }) => action === 'upload' && fileName.endsWith('COMPLETE'),
      )
    ) {
      assert.equal(context.store.deleted.filter((name) => name.endsWith('.gpg')).length, 0);
    }
  }
});

test('an Object-Locked archive is left whole and reported, and the exit status says so', async () => {
  const context = filled();
  const manifest = context.store.versions.find(({ fileName }) => fileName === 'web.1.tar.COMPLETE');
  context.store.locked.add(manifest?.fileId ?? '');
  assert.equal(await deleteArchives(context, byAge), 14);
  assert.deepEqual(await states(context), [
    'old 8 finished',
    'web 1 finished',
    'web 2 finished',
    'web 3 partial',
  ]);
  assert.deepEqual(context.out.notes, [
    'left web.1.tar.COMPLETE: Object Lock',
    'left web.1.tar.aa.gpg: its manifest is locked',
    'left web.1.tar.ab.gpg: its manifest is locked',
  ]);
});

test('a legal hold has no end: told as what it is, and the other archives go', async () => {
  const context = filled();
  const at = context.store.versions.findIndex(({ fileName }) => fileName === 'web.1.tar.COMPLETE');
  const held = context.store.versions[at];
  assert.ok(held);
  context.store.versions[at] = { ...held, legalHold: true };
  context.store.locked.add(held.fileId);
  assert.equal(await deleteArchives(context, byAge), 14);
  assert.ok(
    context.out.notes.includes('left web.1.tar.COMPLETE: locked until the hold is lifted (legal hold)'),
    context.out.notes.join(),
  );
  assert.deepEqual(await states(context), [
    'old 8 finished',
    'web 1 finished',
    'web 2 finished',
    'web 3 partial',
  ]);
});

test('--host and --number delete that archive alone, whatever its age', async () => {
  const context = filled();
  const named = { ...byAge, host: 'web', rules: { ageDays: undefined, keep: 1, periods: {} } };
  await deleteArchives(context, { ...named, number: 2 });
  assert.deepEqual(await states(context), [
    'old 7 finished',
    'old 8 finished',
    'web 1 finished',
    'web 3 partial',
  ]);
  await assert.rejects(deleteArchives(context, { ...named, number: 10 }), { kind: 'notFound' });
});

test('what cannot be intended is refused', async () => {
  const context = filled();
  const none = { ageDays: undefined, keep: 1, periods: {} };
  await assert.rejects(deleteArchives(context, { ...byAge, rules: none }), { kind: 'usage' });
  await assert.rejects(deleteArchives(context, { ...byAge, rules: none, host: 'web' }), { kind: 'usage' });
  await assert.rejects(deleteArchives(context, { ...byAge, number: 1 }), { kind: 'usage' });
  await assert.rejects(deleteArchives(context, { ...byAge, host: 'web', number: 1 }), { kind: 'usage' });
  assert.deepEqual(context.store.deleted, []);
});

test('an archive that is being written is not deleted by name either', async () => {
  const context = filled();
  const { fileId } = context.store.add({
    fileName: 'web.1.tar.aa.gpg',
    action: 'start',
    fileInfo: {
      'bb2-format': '1',
      'bb2-host': 'web',
      'bb2-number': '1',
      'bb2-run': 'new',
      'bb2-volume': '0',
    },
    uploadTimestamp: NOW - DAY_MS,
  });
  const alive = { ...context, isAlive: (version: { fileId: string }) => version.fileId === fileId };
  await assert.rejects(
    deleteArchives(alive, {
      ...byAge,
      host: 'web',
      number: 1,
      rules: { ...byAge.rules, ageDays: undefined },
    }),
    { kind: 'locked' },
  );
});

test('--json gives each decision with its reason', async () => {
  const context = filled();
  await deleteArchives(context, { ...byAge, json: true });
  const report = JSON.parse(context.out.text) as {
    dryRun: boolean;
    decisions: Record<string, unknown>[];
    left: unknown[];
  };
  assert.deepEqual(report.decisions[0], {
    host: 'old',
    number: 7,
    state: 'finished',
    bytes: 28,
    action: 'delete',
    reason: '400 days old, over 30 days',
  });
  assert.equal(report.decisions.length, 5);
});

test('--start-backups asks for the neediest host, as the user who runs it', async () => {
  const context = filled();
  const ran: string[][] = [];
  const options = { archiveHost: 'archiveb2', program: '/bin/start', target: 2, count: 1, dryRun: false };
  await startBackups(context, options, (program, words) => {
    ran.push([program, ...words]);
    return Promise.resolve(0);
  });
  assert.equal(ran.length, 1);
  assert.deepEqual([ran[0]?.[0], ran[0]?.[1], ran[0]?.[3]], ['/bin/start', 'archiveb2', 'web']);
  await assert.rejects(
    startBackups(context, options, () => Promise.resolve(1)),
    { kind: 'local' },
  );
});

test('a wrong clock: nothing is deleted, and both times are shown', async () => {
  for (const days of [100, -100]) {
    const context = filled();
    const clock = { ...context.clock, now: () => NOW + days * DAY_MS };
    await assert.rejects(deleteArchives({ ...context, clock }, byAge), {
      kind: 'local',
      message: /this machine's clock says \d{4}-\d\d-\d\d 12:00:00 UTC, B2's says 2026-06-15 12:00:00 UTC/,
    });
    assert.deepEqual(context.store.deleted, []);
  }
});

test("ages are counted on B2's clock", async () => {
  const context = filled();
  addArchive(context.store, { host: 'edge', number: 1, ageDays: 30 - 1 / 1440 });
  addArchive(context.store, { host: 'edge', number: 2, ageDays: 1 });
  const clock = { ...context.clock, now: () => NOW + 4 * 60_000 };
  assert.equal(await deleteArchives({ ...context, clock }, byAge), 0);
  assert.ok((await states(context)).includes('edge 1 finished'));
});
