// setup runs as root in directories of others: what they put there is neither followed nor given away.
import assert from 'node:assert/strict';
import {
  chownSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { placeDirectory, placeFile, placeNewFile } from '../../../src/cli/setup/place.js';
import { Failure } from '../../../src/errors.js';
import { skipWithoutRoot } from '../../support/debian.js';

let theirs: string;
let precious: string;
beforeEach(() => {
  theirs = mkdtempSync(join(tmpdir(), 'place-'));
  precious = join(theirs, 'precious');
  writeFileSync(precious, 'precious', { mode: 0o600 });
});
afterEach(() => {
  rmSync(theirs, { recursive: true });
});

const untouched = (): void => {
  assert.equal(readFileSync(precious, 'utf8'), 'precious');
  const { uid, mode } = statSync(precious);
  assert.deepEqual([uid, mode & 0o777], [process.getuid?.(), 0o600]);
};

test('a link, symbolic or hard, in place of the configuration is refused', async () => {
  for (const make of [symlinkSync, linkSync]) {
    const path = join(theirs, make.name);
    make(precious, path);
    await assert.rejects(
      placeFile(path, 'new', { mode: 0o640 }),
      (thrown) => thrown instanceof Failure && /cannot replace .*: it is /.test(thrown.message),
    );
    rmSync(path);
    untouched();
  }
});

test('a link in place of the old copy is replaced, not followed', async () => {
  const path = join(theirs, 'config');
  writeFileSync(path, 'before', { mode: 0o644 });
  symlinkSync(precious, `${path}.old`);
  await placeFile(path, 'new', { mode: 0o640 });
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.equal(readFileSync(`${path}.old`, 'utf8'), 'before');
  assert.equal(statSync(`${path}.old`).mode & 0o777, 0o644);
  untouched();
});

test('the old copy keeps the owner of the old file', { skip: skipWithoutRoot() }, async () => {
  const path = join(theirs, 'config');
  writeFileSync(path, 'before');
  chownSync(path, 65534, 65534);
  await placeFile(path, 'new', { mode: 0o640 });
  assert.equal(statSync(`${path}.old`).uid, 65534);
  assert.equal(statSync(path).uid, 0);
});

test('a new secret goes nowhere but into a new file', async () => {
  const path = join(theirs, 'secret');
  symlinkSync(join(theirs, 'elsewhere'), path);
  await assert.rejects(placeNewFile(path, 'secret', { mode: 0o600 }), /EEXIST/);
  untouched();
});

test('a directory is made and given away by its descriptor; one that is there stays', async () => {
  const account = { user: 'x', group: 'x', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const path = join(theirs, 'state');
  await placeDirectory(path, account);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  symlinkSync(theirs, join(theirs, 'link'));
  await placeDirectory(join(theirs, 'link'), { ...account, uid: 65534 });
  assert.equal(statSync(theirs).uid, process.getuid?.());
});
