// What may be running is never taken for dead: whoever it belongs to, and whatever stands where its journal should.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { INFO } from '../../../src/catalog/names.js';
import { runsHere } from '../../../src/cli/run/live-runs.js';
import { encodeLine } from '../../../src/journal/lines.js';
import { ArchiveLock, lockWorld } from '../../../src/journal/lock.js';
import type { FileVersion } from '../../../src/store.js';
import { ARCHIVE } from '../../journal/sample.js';
import { skipWithoutRoot } from '../../support/debian.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-live-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const freshDirectory = (): string => mkdtempSync(join(scratch, 'state-'));

const version = (run: string, host = 'web', number = '4'): FileVersion => ({
  action: 'upload',
  fileName: `${host}.${number}.tar.aa.gpg`,
  fileId: 'id',
  contentLength: 1,
  contentSha1: undefined,
  contentType: 'application/pgp-encrypted',
  fileInfo: { [INFO.run]: run, [INFO.host]: host, [INFO.number]: number },
  uploadTimestamp: 0,
  lockedUntil: undefined,
  legalHold: false,
});

/** A journal `web.4.bucket` of this run, and its lock. */
async function journal(directory: string, run: string): Promise<ArchiveLock> {
  const stem = join(directory, 'web.4.bucket');
  writeFileSync(`${stem}.journal`, encodeLine(JSON.stringify({ ...ARCHIVE, run })));
  return ArchiveLock.acquire(`${stem}.lock`, 'web 4', await lockWorld());
}

test('a run whose lock is held is alive, one whose lock is not held is dead', async () => {
  const directory = freshDirectory();
  const lock = await journal(directory, 'r1');
  const { isAlive: during } = await runsHere([directory, join(scratch, 'missing')]);
  assert.equal(during(version('r1')), true);
  assert.equal(during(version('another')), false);
  await lock.release();
  assert.equal((await runsHere([directory])).isAlive(version('r1')), false);
});

test('a run with a journal that nobody holds has stopped; of others nothing is known', async () => {
  const directory = freshDirectory();
  const lock = await journal(directory, 'r1');
  assert.equal((await runsHere([directory])).isStopped(version('r1')), false);
  await lock.release();
  const { isStopped } = await runsHere([directory]);
  assert.equal(isStopped(version('r1')), true);
  assert.equal(isStopped(version('another')), false);
  assert.equal(isStopped({ ...version(''), fileInfo: {} }), false);
});

test("root sees that another user's run is alive", { skip: skipWithoutRoot() }, async () => {
  const directory = freshDirectory();
  const lock = await journal(directory, 'r1');
  for (const suffix of ['journal', 'lock'])
    chownSync(join(directory, `web.4.bucket.${suffix}`), 65534, 65534);
  assert.equal((await runsHere([directory])).isAlive(version('r1')), true);
  await lock.release();
});

test('a journal that cannot be read speaks for every run of its archive', { timeout: 20_000 }, async () => {
  const places: [name: string, place: (path: string) => unknown][] = [
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    [
      'a link',
      (path) => {
        symlinkSync('/etc/passwd', path);
      },
    ],
    [
      'damage',
      (path) => {
        writeFileSync(path, 'not a journal\n');
      },
    ],
  ];
  for (const [name, place] of places) {
    const directory = freshDirectory();
    place(join(directory, 'web.4.bucket.journal'));
    execFileSync('mkfifo', [join(directory, 'web.4.bucket.lock')]);
    const { isAlive } = await runsHere([directory]);
    assert.equal(isAlive(version('any run')), true, name);
    assert.equal(isAlive(version('any run', 'web', '44')), false, name);
    assert.equal(isAlive(version('any run', 'db')), false, name);
  }
});

test('a directory that cannot be read: every run of this program may be alive, which is reported once', async () => {
  const loop = join(scratch, 'loop');
  symlinkSync(loop, loop);
  const said: string[] = [];
  const { isAlive } = await runsHere([loop], (directory, code) => said.push(`${directory} ${code}`));
  assert.deepEqual(said, []);
  assert.equal(isAlive(version('any run')), true);
  assert.equal(isAlive(version('another run')), true);
  assert.equal(isAlive({ ...version(''), fileInfo: {} }), false, 'what is not ours has no run');
  assert.deepEqual(said, [`${loop} ELOOP`]);
});
