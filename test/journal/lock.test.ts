// One run per archive: living owners hold, dead ones do not, and of many who come at once one wins.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../src/errors.js';
import {
  ArchiveLock,
  isLocked,
  startTimeOf,
  systemProcesses,
  type ProcessIdentity,
  type Processes,
} from '../../src/journal/lock.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-lock-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

let locks = 0;
const freshPath = (): string => join(mkdtempSync(join(scratch, `${locks++}-`)), 'h.1.b.lock');

const isLockedBy =
  (pid: number) =>
  (thrown: unknown): boolean =>
    thrown instanceof Failure &&
    thrown.kind === 'locked' &&
    thrown.message.includes(`pid ${pid}`) &&
    thrown.message.includes('h 1');

/** A process among those that `alive` names. */
function process_(pid: number, alive: readonly number[]): Processes {
  const identity = (number: number): ProcessIdentity => ({
    pid: number,
    startTime: `t${number}`,
    bootId: 'boot',
  });
  return {
    self: identity(pid),
    isAlive: (owner) =>
      Promise.resolve(
        alive.includes(owner.pid) && owner.startTime === `t${owner.pid}` && owner.bootId === 'boot',
      ),
  };
}

test('a lock is held, refused with the pid, and released', async () => {
  const path = freshPath();
  const lock = await ArchiveLock.acquire(path, 'h 1', process_(1, [1, 2]));
  await assert.rejects(ArchiveLock.acquire(path, 'h 1', process_(2, [1, 2])), isLockedBy(1));
  assert.equal(await isLocked(path, process_(2, [1, 2])), true);
  await lock.release();
  assert.equal(await isLocked(path, process_(2, [1, 2])), false);
  await (await ArchiveLock.acquire(path, 'h 1', process_(2, [1, 2]))).release();
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('a dead owner, a number that went to another process, and a restarted machine do not hold it', async () => {
  const owners: [name: string, contents: string][] = [
    ['dead', '7\nt7\nboot\n'],
    ['another process has the number', '1\nt-before\nboot\n'],
    ['another boot', '1\nt1\nearlier boot\n'],
  ];
  for (const [name, contents] of owners) {
    const path = freshPath();
    writeFileSync(path, contents);
    await ArchiveLock.acquire(path, 'h 1', process_(2, [1, 2]));
    assert.equal(readFileSync(path, 'latin1'), '2\nt2\nboot\n', name);
    assert.deepEqual(readdirSync(join(path, '..')), ['h.1.b.lock'], name);
  }
});

test('of many who find a dead owner at once, one gets the lock', async () => {
  for (let round = 0; round < 20; round++) {
    const path = freshPath();
    writeFileSync(path, '99\nt99\nboot\n');
    const pids = Array.from({ length: 12 }, (_, index) => index + 1);
    const results = await Promise.allSettled(
      pids.map((pid) => ArchiveLock.acquire(path, 'h 1', process_(pid, pids))),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results)
      if (result.status === 'rejected')
        assert.ok(result.reason instanceof Failure && result.reason.kind === 'locked');
    assert.deepEqual(readdirSync(join(path, '..')), ['h.1.b.lock']);
  }
});

test('one who died while taking over from the dead does not block it', async () => {
  const path = freshPath();
  writeFileSync(path, '99\nt99\nboot\n');
  writeFileSync(`${path}.99-t99`, '98\nt98\nboot\n');
  await ArchiveLock.acquire(path, 'h 1', process_(2, [2]));
  assert.equal(readFileSync(path, 'latin1').split('\n')[0], '2');
});

test('something else under its name is not overwritten', async () => {
  const path = freshPath();
  writeFileSync(path, 'my diary');
  await assert.rejects(ArchiveLock.acquire(path, 'h 1', process_(2, [2])), /is not a lock of this program/);
  assert.equal(readFileSync(path, 'utf8'), 'my diary');
});

test('real processes: a living one holds it, a killed one does not', async () => {
  const path = freshPath();
  const program = `
    import { ArchiveLock, systemProcesses } from ${JSON.stringify(new URL('../../src/journal/lock.js', import.meta.url).href)};
    await ArchiveLock.acquire(process.argv[1], 'h 1', await systemProcesses());
    console.log('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { pid } = child;
  assert.ok(pid !== undefined);
  await once(child.stdout, 'data');
  const processes = await systemProcesses();
  await assert.rejects(ArchiveLock.acquire(path, 'h 1', processes), isLockedBy(pid));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await ArchiveLock.acquire(path, 'h 1', processes);
  assert.equal(await processes.isAlive(processes.self), true);
  await assert.rejects(ArchiveLock.acquire(path, 'h 1', processes), isLockedBy(process.pid));
  await lock.release();
});

test('/proc/PID/stat, with a name that looks like fields, and of a zombie', () => {
  const rest = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 7777 20';
  assert.equal(startTimeOf(`5 (a) S 1) S ${rest}`), '7777');
  assert.equal(startTimeOf(`5 (node) Z ${rest}`), undefined);
});
