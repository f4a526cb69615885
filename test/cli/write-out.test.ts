/** No command puts a file in the place of a device, a pipe or `/dev/stdout`: as root that would break the machine. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeOut } from '../../src/cli/write-out.js';
import { EXIT_STATUS, Failure } from '../../src/errors.js';

const directory = mkdtempSync(join(tmpdir(), 'write-out-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('a file is replaced whole, with its mode; so is a link to one', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, 'old', { mode: 0o644 });
  const link = join(directory, 'link');
  symlinkSync(file, link);
  await writeOut(file, 'new', 0o700);
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.equal(statSync(file).mode & 0o777, 0o700);
  await writeOut(link, 'linked', 0o600);
  assert.ok(!lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(file, 'utf8'), 'new');
});

test('a pipe is written to, through a link, too', async () => {
  const pipe = join(directory, 'pipe');
  const link = join(directory, 'to-pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  symlinkSync(pipe, link);
  for (const path of [pipe, link]) {
    const [read] = await Promise.all([readFile(pipe, 'utf8'), writeOut(path, 'through', 0o600)]);
    assert.equal(read, 'through');
  }
  assert.ok(lstatSync(pipe).isFIFO());
  assert.ok(lstatSync(link).isSymbolicLink());
});

test('a full device is a full disk, and stays a device', async () => {
  // A link, so that a fault here harms nothing but the link.
  const full = join(directory, 'full');
  symlinkSync('/dev/full', full);
  await assert.rejects(writeOut(full, 'x', 0o600), (thrown) => {
    assert.ok(thrown instanceof Failure);
    assert.equal(thrown.exitStatus, EXIT_STATUS.local);
    return /no space left/.test(thrown.message);
  });
  assert.ok(lstatSync(full).isSymbolicLink());
  assert.ok(statSync('/dev/full').isCharacterDevice());
});

test('a directory is none of them', async () => {
  await assert.rejects(writeOut(directory, 'x', 0o600), /EISDIR/);
});

test('/dev/stdout is standard output, whatever that is', async () => {
  const into = join(directory, 'stdout');
  const module = fileURLToPath(new URL('../../src/cli/write-out.js', import.meta.url));
  // A name under /proc, where nothing can be renamed, as /dev/stdout leads there.
  const code = `await (await import(${JSON.stringify(module)})).writeOut('/proc/self/fd/1', 'said', 0o600)`;
  const child = spawn('sh', [
    '-c',
    'exec "$0" --input-type=module -e "$1" >"$2"',
    process.execPath,
    code,
    into,
  ]);
  const status = await new Promise((settle) => child.once('close', settle));
  assert.equal(status, 0);
  assert.equal(readFileSync(into, 'utf8'), 'said');
});
