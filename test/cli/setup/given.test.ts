/** Flags, environment and the former configuration, put together. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  checkWritable,
  merged,
  unasked,
  whereIsKey,
  whoReads,
  withEffort,
} from '../../../src/cli/setup/given.js';

test('what is given replaces what said the same by another setting, and leaves the rest', () => {
  const former = {
    key_id: 'old',
    application_key_command: 'pass b2',
    passphrase_file: ['/p'],
    bwlimit_file: '/l',
    lock_days: 30,
  };
  assert.deepEqual(merged(former, {}), former);
  assert.deepEqual(merged(former, { application_key: 'new', recipient: ['/k.asc'], bwlimit: '1M' }), {
    key_id: 'old',
    lock_days: 30,
    application_key: 'new',
    recipient: ['/k.asc'],
    bwlimit: '1M',
  });
});

test('without a terminal: everything that is missing at once, and a passphrase file of our own', () => {
  assert.throws(() => unasked({}, '/p'), /needs --key-id .*, B2_APPLICATION_KEY or .*, --bucket, and/);
  const given = { key_id: 'i', application_key_file: '/k', bucket: 'b' };
  assert.deepEqual(unasked(given, '/p'), { ...given, passphrase_file: ['/p'] });
  assert.deepEqual(unasked({ ...given, recipient: ['/r'] }, '/p'), { ...given, recipient: ['/r'] });
});

test('where reuse is new the level follows the line, unless somebody has settled it or nothing here can compress so', () => {
  assert.deepEqual(withEffort({ reuse: true }, true, true), { reuse: true, compress: 'auto' });
  assert.deepEqual(withEffort({ compress: 'gzip:9' }, true, true), { compress: 'gzip:9' });
  assert.deepEqual(withEffort({ reuse: true }, false, true), { reuse: true });
  assert.deepEqual(withEffort({ reuse: true }, true, false), { reuse: true });
});

test('a secret is named by its place', () => {
  assert.equal(whereIsKey({}, '/c'), undefined);
  assert.equal(whereIsKey({ application_key: 'secret' }, '/c'), 'in /c');
  assert.equal(whereIsKey({ application_key_file: '/k' }, '/c'), 'in /k');
  assert.doesNotMatch(whereIsKey({ application_key_command: 'echo secret' }, '/c') ?? '', /secret/);
  assert.equal(whoReads({ lock_days: 3 }, '/c'), undefined);
  assert.equal(
    whoReads({ passphrase: 'secret', passphrase_file: '/p', recipient: ['/r'] }, '/c'),
    'passphrase in /c, passphrase in /p, recipient /r',
  );
});

test('what a file cannot hold, or what means something else elsewhere', () => {
  checkWritable({ state_dir: '/s', passphrase_file: ['/p'] });
  assert.throws(() => {
    checkWritable({ passphrase: Uint8Array.of(0xff) });
  }, /passphrase is not UTF-8/);
  assert.throws(() => {
    checkWritable({ passphrase_file: ['/p', 'q'] });
  }, /passphrase_file: q is not an absolute path/);
});
