// Whoever may write to what we obey acts as us: only root's files and our own, written by nobody else.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfig } from '../../src/config/read-config.js';
import { readKeyFiles, readPassphrases } from '../../src/config/secrets.js';
import { distrust, readTrusted } from '../../src/config/trusted-file.js';
import { Failure } from '../../src/errors.js';
import { mountSmallDisk } from '../support/small-disk.js';
import { skipped, skipWithoutRoot } from '../support/debian.js';

const directory = mkdtempSync(join(tmpdir(), 'trust-'));
after(() => {
  rmSync(directory, { recursive: true });
});
let files = 0;
function file(text: string, mode: number, uid?: number): string {
  const path = join(directory, String(files++));
  writeFileSync(path, text);
  chmodSync(path, mode);
  if (uid !== undefined) chownSync(path, uid, uid);
  return path;
}

const refused = (problem: RegExp, cure: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof Failure && thrown.kind === 'config', String(thrown));
  assert.match(thrown.message, problem);
  assert.match(thrown.hint ?? '', cure);
  return true;
};

test('who may own, who may write', () => {
  const table: [uid: number, mode: number, self: number, secret: boolean, problem: RegExp | undefined][] = [
    [0, 0o644, 100, false, undefined],
    [100, 0o600, 100, true, undefined],
    [0, 0o640, 100, true, undefined],
    [0, 0o644, 100, true, /is open to others/],
    [100, 0o664, 100, false, /can be written by others/],
    [100, 0o646, 100, false, /can be written by others/],
    [101, 0o600, 100, true, /does not belong to root or to the user/],
    [100, 0o600, 0, true, /does not belong to root$/],
  ];
  for (const [uid, mode, self, secret, problem] of table) {
    const found = distrust('/f', { uid, mode, isDevice: false }, self, secret);
    if (problem === undefined) assert.equal(found, undefined);
    else assert.match(found?.problem ?? '', problem);
  }
  assert.equal(distrust('/dev/null', { uid: 0, mode: 0o666, isDevice: true }, 100, false), undefined);
});

test('a configuration, key file or program that others can write to is refused, with a remedy', async () => {
  const open = file('bucket = "b"\n', 0o666);
  const config = { environment: {}, flags: {} };
  assert.throws(
    () => readConfig({ ...config, file: open }),
    refused(/can be written by others/, /chmod go-w/),
  );
  await assert.rejects(
    readKeyFiles([file('key', 0o664)]),
    refused(/key file .* can be written/, /chmod go-w/),
  );
  const program = file('#!/bin/sh\necho secret\n', 0o777);
  const command = (text: string) =>
    readPassphrases(readConfig({ ...config, file: '/dev/null', flags: { passphrase_command: text } }));
  await assert.rejects(
    command(`${program} x`),
    refused(/passphrase command: .* can be written/, /chmod go-w/),
  );
  chmodSync(program, 0o755);
  assert.equal((await command(`${program} x`)).length, 1);
});

test("root obeys no other user's files", { skip: skipWithoutRoot() }, async () => {
  const config = { environment: {}, flags: {} };
  const theirs = file('passphrase_command = "id"\n', 0o600, 65534);
  assert.throws(
    () => readConfig({ ...config, file: theirs }),
    refused(/does not belong to root/, /chown root/),
  );
  await assert.rejects(readKeyFiles([theirs]), refused(/does not belong to root/, /chown root/));
});

test('a secret mounted read-only: the remedy is one that can be followed', (t) => {
  const mount = join(directory, 'mount');
  mkdirSync(mount);
  const unmount = mountSmallDisk(mount, '64k');
  if (unmount === undefined) {
    t.skip(skipped('needs root'));
    return;
  }
  try {
    const path = join(mount, 'passphrase');
    writeFileSync(path, 'x\n', { mode: 0o444 });
    execFileSync('mount', ['-o', 'remount,ro', mount]);
    assert.throws(
      () => readTrusted(path, { what: 'passphrase file', secret: true, command: 'passphrase_command' }),
      refused(/is open to others/, /read-only: .*passphrase_command = "cat .*passphrase"/),
    );
  } finally {
    unmount();
  }
});

test('a directory is reported as one', () => {
  assert.throws(
    () => readTrusted(directory, { what: 'passphrase file', secret: true }),
    /the passphrase file .* is a directory$/,
  );
});
