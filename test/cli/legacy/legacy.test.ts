import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runLegacy } from '../../../src/cli/legacy/legacy.js';
import { parseLegacy } from '../../../src/cli/legacy/legacy-arguments.js';
import type { CompanionContext } from '../../../src/cli/wiring.js';
import { readConfig } from '../../../src/config/read-config.js';
import { addArchive, addLegacyArchive } from '../memory-store.js';
import { testContext, type TestContext } from '../context.js';

const config = readConfig({ environment: { BACKUPPC_B2_CONFIG: '/dev/null' }, flags: {} });

function filled(): TestContext {
  const context = testContext();
  addLegacyArchive(context.store, 'gandalf', 118, 60, ['.aa.gpg', '.ab.gpg']);
  addLegacyArchive(context.store, 'gandalf', 119, 40, ['.aa.gpg', '.ab.gpg']);
  addLegacyArchive(context.store, 'gandalf', 120, 5, ['.aa.gpg'], false);
  addArchive(context.store, { host: 'witte', number: 3, ageDays: 50 });
  addArchive(context.store, { host: 'witte', number: 4, ageDays: 2 });
  return context;
}

const ran: string[][] = [];
function run(context: TestContext, ...words: string[]): Promise<number> {
  const unused = (): never => {
    throw new Error('not asked for');
  };
  const companion: CompanionContext = {
    ...context,
    config,
    signal: new AbortController().signal,
    ranges: { parallel: 1, rangeBytes: 1 },
    history: () => Promise.resolve([]),
    archiveReader: unused,
    dataReader: unused,
    doctorChecks: unused,
    close: () => Promise.resolve(),
  };
  return runLegacy(words, {
    out: context.out,
    configOf: () => config,
    open: () => Promise.resolve(companion),
    run: (program, more) => {
      ran.push([program, ...more]);
      return Promise.resolve(0);
    },
  });
}

const left = (context: TestContext): string[] =>
  [...new Set(context.store.versions.map(({ fileName }) => /^\w+\.\d+/.exec(fileName)?.[0] ?? ''))].sort();

test('nothing at all, list, and -l with another command list', async () => {
  for (const words of [[], ['list'], ['-l']]) {
    const context = filled();
    assert.equal(await run(context, ...words), 0);
    assert.match(context.out.text, /^gandalf +118 +finished/m);
    assert.match(context.out.text, /^gandalf +120 +unfinished/m);
  }
  const context = filled();
  assert.equal(await run(context, 'delete', '-l', '--age=30'), 0);
  assert.match(context.out.text, /^witte +4 +finished +2 days/m);
});

test("the README's cron script: delete --age=30", async () => {
  const context = filled();
  assert.equal(await run(context, 'delete', '--age=30'), 0);
  assert.deepEqual(left(context), ['gandalf.119', 'gandalf.120', 'witte.4']);
});

test('script that takes the wrong backup number: the number asked for, else the highest finished one', async () => {
  for (const [words, number] of [
    [['--expire=604800', '--host=gandalf', 'script'], 119],
    [['script', '-H', 'gandalf', '-b', '118', '-x', '60'], 118],
    [['-Hgandalf', 'script', '-b118'], 118],
    [['-u', 'script', '--host', 'gandalf'], 120],
  ] as const) {
    const context = filled();
    // An unfinished archive may not be whole, and the status says so.
    assert.equal(await run(context, ...words), number === 120 ? 5 : 0, context.out.notes.join());
    assert.match(context.out.text, new RegExp(`^# Restores the BackupPC archive gandalf #${number},`, 'm'));
    assert.match(context.out.text, new RegExp(`gandalf\\.${number}\\.tar\\.aa\\.gpg`));
  }
});

test('-f writes the script to a file that only its owner can read', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'legacy-test-'));
  try {
    const context = filled();
    const file = join(directory, 'restore.sh');
    assert.equal(await run(context, 'script', '-H', 'witte', '-f', file), 0);
    assert.equal(context.out.text, '');
    assert.match(readFileSync(file, 'utf8'), /^#!\/bin\/sh/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a token that opens other backups: B2 is asked for the prefix HOST.N.tar', async () => {
  const context = filled();
  addLegacyArchive(context.store, 'web', 1, 1, ['.aa.gpg']);
  addLegacyArchive(context.store, 'web', 10, 1, ['.aa.gpg']);
  await run(context, 'script', '-H', 'web', '-b', '1');
  assert.match(context.out.text, /^token='token-for-web\.1\.tar'$/m);
});

test('-t deletes nothing, -b deletes one, -s starts an archive of the neediest host', async () => {
  const context = filled();
  await run(context, '-ts', '--age', '30', 'delete');
  assert.deepEqual(context.store.deleted, []);
  assert.match(context.out.text, /Would start an archive of gandalf/);
  await run(context, 'delete', '-H', 'gandalf', '-b', '119');
  assert.deepEqual(left(context), ['gandalf.118', 'gandalf.120', 'witte.3', 'witte.4']);
  await run(context, 'delete', '-s', '-a', '30', '-k', '2');
  assert.equal(ran[0]?.at(-1), 'gandalf');
});

test('what the older scripts refused is refused, with status 2 and the reason last', async () => {
  const context = filled();
  for (const [words, reason] of [
    [['frobnicate'], 'no such command: frobnicate'],
    [['list', 'list'], 'too many arguments'],
    [['-b', '3', 'script'], '--backup-number needs --host'],
    [['list', '-a', '3'], '--age only makes sense with delete'],
    [['delete', '-H', 'x', '-b', '1', '-s'], '--start-backups only makes sense with delete and --age'],
    [['delete', '-x', '3', '-a', '1'], '--expire and --filename only make sense with script'],
    [['script'], 'script needs --host'],
    [['delete', '-H', 'gandalf'], 'delete needs --age, or --host and --backup-number'],
    [['delete', '-a', 'ten'], '--age ten: not a number of days'],
    [['script', '-H'], '-H needs a value'],
    [['-z'], 'no such option: -z'],
    [['--ba=1'], '--backup-number needs --host'],
  ] as const) {
    assert.equal(await run(context, ...words), 2, words.join(' '));
    assert.match(context.out.notes.at(-1) ?? '', new RegExp(`^backup-manager: ${reason}`));
  }
  assert.deepEqual(context.store.deleted, []);
});

test('options may be shortened and stand anywhere', () => {
  assert.deepEqual(parseLegacy(['--exp', '60', '--ho=a.b', 'script', '--unf', '-b7']), {
    command: 'script',
    host: 'a.b',
    number: 7,
    ageDays: undefined,
    keep: 1,
    filename: undefined,
    expireSeconds: 60,
    test: false,
    unfinalized: true,
    startBackups: false,
    list: false,
    help: false,
    config: undefined,
  });
});
