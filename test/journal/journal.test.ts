// The journal on a real file system: durable, private, and honest about what it cannot write.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../src/errors.js';
import { Journal } from '../../src/journal/journal.js';
import { journalPaths, loadJournal, prepareDirectory, type JournalPaths } from '../../src/journal/load.js';
import { keyIdOf } from '../../src/journal/keys.js';
import { readJournal } from '../../src/journal/state.js';
import { ARCHIVE, partOf, plain, secretsOf } from './sample.js';
import { mountSmallDisk } from '../support/small-disk.js';
import { skipped } from '../support/debian.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-journal-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const NOW = new Date('2026-01-02T03:04:05.678Z');
let directories = 0;

function freshPaths(): JournalPaths {
  return journalPaths(mkdtempSync(join(scratch, `${directories++}-`)), ARCHIVE);
}

function isLocal(pattern: RegExp): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof Failure && thrown.kind === 'local' && pattern.test(thrown.message);
}

async function running(paths: JournalPaths): Promise<Journal> {
  const journal = await Journal.begin(paths, ARCHIVE);
  await journal.startVolume(0, 'v.aa', 'file-0', secretsOf(1));
  await journal.partLeaves(partOf(0, 0));
  await journal.partLeaves(partOf(0, 1, true));
  return journal;
}

test('the next run reads back what was appended, including keys', async () => {
  const paths = freshPaths();
  const journal = await running(paths);
  await journal.close();
  const loaded = await loadJournal(paths, NOW);
  assert.ok(loaded.kind === 'found');
  const volume = loaded.journal.state.volumes.get(0);
  assert.deepEqual([volume?.parts.size, volume?.finished], [2, false]);
  assert.deepEqual(loaded.journal.keys, new Map([[keyIdOf(secretsOf(1)), secretsOf(1)]]));
  const resumed = await Journal.resume(paths, loaded.journal);
  await resumed.finishVolume(0, 'file-0');
  await resumed.close();
  const again = await loadJournal(paths, NOW);
  assert.ok(again.kind === 'found' && again.journal.state.volumes.get(0)?.finished === true);
});

test('only its owner can read it, and only volumes in progress have their keys on disk', async () => {
  const paths = freshPaths();
  const journal = await running(paths);
  for (const path of [paths.journal, paths.keys]) assert.equal(statSync(path).mode & 0o777, 0o600, path);
  const sessionKey = Buffer.from(secretsOf(1).sessionKey);
  const onDisk = (needle: Buffer): boolean =>
    readdirSync(paths.directory).some((name) => {
      const bytes = readFileSync(join(paths.directory, name));
      return (
        bytes.includes(needle) ||
        bytes.includes(needle.toString('base64')) ||
        bytes.includes(needle.toString('hex'))
      );
    });
  assert.equal(onDisk(sessionKey), true);
  await journal.startVolume(1, 'v.ab', 'file-1', secretsOf(2));
  await journal.finishVolume(0, 'file-0');
  assert.equal(onDisk(sessionKey), false, 'finished');
  assert.equal(onDisk(Buffer.from(secretsOf(2).sessionKey)), true);
  await journal.abandonVolume(1, 'lost');
  assert.equal(onDisk(Buffer.from(secretsOf(2).sessionKey)), false, 'given up');
  await journal.manifestUp('m');
  await journal.remove();
  assert.deepEqual(readdirSync(paths.directory), []);
});

test('secrets are never shared between volumes', async () => {
  const paths = freshPaths();
  const journal = await running(paths);
  await assert.rejects(journal.startVolume(1, 'v.ab', 'file-1', secretsOf(1)), /secrets of another/);
  await journal.close();
});

test('many records at once share an fsync, in order, and each is durable when its promise resolves', async () => {
  const paths = freshPaths();
  let syncs = 0;
  const journal = await Journal.begin(paths, ARCHIVE, { onDurable: () => syncs++ });
  await journal.startVolume(0, 'v', 'file-0', secretsOf(1));
  const before = syncs;
  const written = Array.from({ length: 200 }, async (_, part) => {
    await journal.partLeaves(partOf(0, part));
    const read = readJournal(readFileSync(paths.journal));
    assert.ok(
      read.kind === 'good' && read.state.volumes.get(0)?.parts.get(part) !== undefined,
      `part ${part}`,
    );
  });
  await Promise.all(written);
  assert.ok(syncs - before <= 3, `${syncs - before} fsyncs`);
  // And once more when it had come to rest.
  await journal.partLeaves(partOf(0, 200));
  await journal.close();
  const read = readJournal(readFileSync(paths.journal));
  assert.ok(read.kind === 'good');
  assert.deepEqual(
    Array.from(read.state.volumes.get(0)?.parts.values() ?? [], ({ part }) => part),
    Array.from({ length: 201 }, (_, part) => part),
  );
});

test('one record after another never gets stuck', async () => {
  const paths = freshPaths();
  const journal = await Journal.begin(paths, ARCHIVE);
  for (let volume = 0; volume < 100; volume++) {
    await journal.startWholeVolume('v', partOf(volume, 0, true));
    journal.finishWholeVolume(volume, `file-${volume}`, 0);
    if (volume % 3 === 0) await Promise.resolve();
  }
  await journal.close();
  const loaded = await loadJournal(paths, NOW);
  assert.ok(loaded.kind === 'found');
  const volumes = [...loaded.journal.state.volumes.values()];
  assert.equal(volumes.filter(({ finished }) => finished).length, 100);
});

test('torn at every byte on disk: the next run cuts off the end and goes on', async () => {
  const paths = freshPaths();
  await (await running(paths)).close();
  const whole = readFileSync(paths.journal);
  const keys = readFileSync(paths.keys);
  const firstEnd = whole.indexOf('\n') + 1;
  // The part record, byte by byte.
  for (let cut = whole.lastIndexOf('\n', whole.length - 2) + 1; cut < whole.length; cut++) {
    writeFileSync(paths.journal, whole);
    truncateSync(paths.journal, cut);
    const loaded = await loadJournal(paths, NOW);
    assert.ok(loaded.kind === 'found', `cut at ${cut}`);
    const journal = await Journal.resume(paths, loaded.journal);
    await journal.partLeaves(partOf(0, 1, true, 'another'));
    await journal.close();
    assert.equal(readJournal(readFileSync(paths.journal)).kind, 'good', `cut at ${cut}`);
  }
  // The first record: then nothing was ever started.
  for (const cut of [0, 1, firstEnd - 1]) {
    writeFileSync(paths.journal, whole.subarray(0, cut));
    writeFileSync(paths.keys, keys);
    assert.equal((await loadJournal(paths, NOW)).kind, 'none');
    assert.deepEqual(readdirSync(paths.directory), []);
  }
});

test('a damaged journal is set aside, and its keys are forgotten', async () => {
  const paths = freshPaths();
  await (await running(paths)).close();
  const bytes = readFileSync(paths.journal);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  writeFileSync(paths.journal, bytes);
  const loaded = await loadJournal(paths, NOW);
  assert.ok(loaded.kind === 'set-aside');
  assert.equal(loaded.to, `${paths.journal}.damaged-20260102T030405Z`);
  assert.deepEqual(readFileSync(loaded.to), bytes);
  assert.deepEqual([existsSync(paths.journal), existsSync(paths.keys)], [false, false]);
  assert.equal((await loadJournal(paths, NOW)).kind, 'none');
});

test('a damaged key file loses the keys, not the journal', async () => {
  const paths = freshPaths();
  await (await running(paths)).close();
  const bytes = readFileSync(paths.keys);
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 4;
    writeFileSync(paths.keys, damaged);
    const loaded = await loadJournal(paths, NOW);
    assert.ok(loaded.kind === 'found');
    assert.equal(loaded.journal.keys.size, 0, `byte ${at}`);
  }
});

test('a new journal replaces an old one as a whole, and leftovers of a crash are swept', async () => {
  const paths = freshPaths();
  await (await running(paths)).close();
  writeFileSync(`${paths.journal}.0123456789abcdef.tmp`, 'x');
  await loadJournal(paths, NOW);
  const journal = await Journal.begin(paths, { ...ARCHIVE, run: 'run-2' });
  await journal.close();
  const read = readJournal(readFileSync(paths.journal));
  assert.ok(read.kind === 'good');
  assert.deepEqual([read.state.archive.run, read.state.volumes.size], ['run-2', 0]);
  assert.deepEqual(readdirSync(paths.directory), ['web.1.42.vault.journal']);
});

test("another user's file and a symbolic link in a shared directory are not followed", async () => {
  const paths = freshPaths();
  const target = join(scratch, 'precious');
  writeFileSync(target, 'precious');
  symlinkSync(target, paths.journal);
  await assert.rejects(loadJournal(paths, NOW), isLocal(/cannot read .*ELOOP/));
  const journal = await Journal.begin(paths, ARCHIVE);
  await journal.close();
  assert.equal(readFileSync(target, 'utf8'), 'precious');
  if (process.getuid?.() === 0) {
    spawnSync('chown', ['nobody', paths.journal]);
    await assert.rejects(loadJournal(paths, NOW), isLocal(/is not a file of the user this runs as/));
  }
});

test('a full disk is a failure with advice; the journal is intact up to there, and nothing is written after it', async (t) => {
  const mount = mkdtempSync(join(scratch, 'small-'));
  const unmount = mountSmallDisk(mount, '64k');
  if (unmount === undefined) {
    t.skip(skipped('mounting a small file system needs root'));
    return;
  }
  try {
    const paths = journalPaths(mount, ARCHIVE);
    const journal = await Journal.begin(paths, ARCHIVE);
    await journal.startVolume(0, 'v', 'file-0', secretsOf(1));
    writeFileSync(join(mount, 'ballast'), Buffer.alloc(40_000));
    let parts = 0;
    const fill = async (): Promise<void> => {
      for (;;) {
        await journal.partLeaves(partOf(0, parts));
        parts++;
      }
    };
    await assert.rejects(
      fill(),
      (thrown) =>
        thrown instanceof Failure &&
        thrown.kind === 'local' &&
        /ENOSPC/.test(thrown.message) &&
        /make room/.test(thrown.hint ?? ''),
    );
    const size = statSync(paths.journal).size;
    await assert.rejects(journal.partLeaves(partOf(0, parts + 1)), isLocal(/ENOSPC/));
    await journal.close();
    assert.equal(statSync(paths.journal).size, size);
    const loaded = await loadJournal(paths, NOW);
    assert.ok(loaded.kind === 'found');
    assert.equal(loaded.journal.state.volumes.get(0)?.parts.size, parts);
    rmSync(join(mount, 'ballast'));
    const resumed = await Journal.resume(paths, loaded.journal);
    await resumed.partLeaves(partOf(0, parts));
    await resumed.close();
    const again = await loadJournal(paths, NOW);
    assert.ok(again.kind === 'found');
    assert.deepEqual(plain(again.journal.state), plain(loaded.journal.state));
  } finally {
    unmount();
  }
});

test('a directory that cannot be written to is refused at once', async () => {
  const file = join(scratch, 'file');
  appendFileSync(file, '');
  await assert.rejects(prepareDirectory(join(file, 'below')), isLocal(/cannot write to .*ENOTDIR/));
  const made = join(scratch, 'made', 'deep');
  await prepareDirectory(made);
  assert.equal(statSync(made).mode & 0o777, 0o700);
  chmodSync(made, 0o500);
  if (process.getuid?.() !== 0) await assert.rejects(prepareDirectory(made), isLocal(/EACCES/));
});
