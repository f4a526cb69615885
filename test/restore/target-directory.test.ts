import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  checkTargetDirectory,
  INCOMPLETE_MARK,
  targetDirectory,
} from '../../src/restore/target-directory.js';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'target-'));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test('a new directory has its name once all of it is there', async () => {
  const path = join(scratch, 'deep', 'out');
  const target = await targetDirectory(`${path}/`);
  assert.equal(target.path, `${path}.incomplete`);
  writeFileSync(join(target.path, 'file'), 'x');
  assert.match((await target.giveUp()) ?? '', /what came of it is in .*out\.incomplete: files may be cut/);
  await assert.rejects(targetDirectory(path), { kind: 'usage', message: /out\.incomplete is there/ });
  await target.complete();
  assert.deepEqual(readdirSync(join(scratch, 'deep')), ['out']);
  await assert.rejects(targetDirectory(path), { kind: 'usage', message: /is not empty/ });
});

test('a check alone says what a restore would say, and changes nothing', async () => {
  const path = join(scratch, 'out');
  await checkTargetDirectory(path);
  assert.deepEqual(readdirSync(scratch), []);
  mkdirSync(`${path}.incomplete`);
  for (const tried of [targetDirectory, checkTargetDirectory])
    await assert.rejects(tried(path), { kind: 'usage', message: /out\.incomplete is there/ });
  // What lies beside a directory that is there does not matter.
  mkdirSync(path);
  await checkTargetDirectory(path);
  assert.deepEqual(readdirSync(path), []);
  assert.equal(await (await targetDirectory(path)).giveUp(), undefined);
  writeFileSync(join(path, 'file'), 'x');
  for (const tried of [targetDirectory, checkTargetDirectory])
    await assert.rejects(tried(path), { kind: 'usage', message: /is not empty/ });
});

test('where nothing arrived, nothing stays', async () => {
  assert.equal(await (await targetDirectory(join(scratch, 'out'))).giveUp(), undefined);
  mkdirSync(join(scratch, 'there', 'lost+found'), { recursive: true });
  assert.equal(await (await targetDirectory(join(scratch, 'there'))).giveUp(), undefined);
  assert.deepEqual(readdirSync(scratch), ['there']);
  assert.deepEqual(readdirSync(join(scratch, 'there')), ['lost+found']);
});

test('an existing directory is marked until everything has arrived, and keeps its mode and time', async () => {
  const path = join(scratch, 'out');
  mkdirSync(path);
  const target = await targetDirectory(path);
  assert.equal(target.path, path);
  assert.deepEqual(readdirSync(path), [INCOMPLETE_MARK]);
  writeFileSync(join(path, 'file'), 'x');
  assert.match((await target.giveUp()) ?? '', /files may be cut/);
  assert.deepEqual(readdirSync(path), [INCOMPLETE_MARK, 'file']);
  chmodSync(path, 0o555);
  utimesSync(path, 1, 1);
  await target.complete();
  assert.deepEqual(readdirSync(path), ['file']);
  assert.equal(statSync(path).mode & 0o777, 0o555);
  assert.equal(statSync(path).mtimeMs, 1000);
  chmodSync(path, 0o755);
});

test('a member of the name of the mark is the archive’s, and stays', async () => {
  const path = join(scratch, 'out');
  mkdirSync(path);
  const target = await targetDirectory(path);
  rmSync(join(path, INCOMPLETE_MARK));
  writeFileSync(join(path, 'other'), '');
  writeFileSync(join(path, INCOMPLETE_MARK), 'a member');
  await target.complete();
  assert.deepEqual(readdirSync(path).sort(), [INCOMPLETE_MARK, 'other']);
});

test('what is not a directory is refused', async () => {
  writeFileSync(join(scratch, 'file'), '');
  await assert.rejects(targetDirectory(join(scratch, 'file')), { kind: 'local' });
});
