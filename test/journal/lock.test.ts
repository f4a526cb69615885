// One run per archive: the kernel says who lives, from wherever it is asked; what it cannot know is refused.
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../src/errors.js';
import { OWN_PID_NAMESPACE, skipWithoutPidNamespaces } from '../support/pid-namespace.js';
import { ArchiveLock, lockWorld, mayBeLocked, type LockWorld } from '../../src/journal/lock.js';
import { encodeOwner, isProvenDead, type LockOwner, type Machine } from '../../src/journal/lock-owner.js';
import { skipWithoutRoot } from '../support/debian.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-lock-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

let locks = 0;
const freshPath = (): string => join(mkdtempSync(join(scratch, `${locks++}-`)), 'h.1.b.lock');

const here: Machine = { host: 'near', machineId: 'm1', bootId: 'b1', pidNamespace: 'pid:[1]' };
const world = (over: Partial<Machine> = {}, local = true): LockWorld => ({
  machine: { ...here, ...over },
  pid: process.pid,
  isLocal: () => Promise.resolve(local),
});
const owner = (over: Partial<LockOwner> = {}): LockOwner => ({ pid: 25, ...here, ...over });

const isRefused =
  (pattern: RegExp, kind = 'locked') =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof Failure && thrown.kind === kind, String(thrown));
    assert.match(`${thrown.message}\n${thrown.hint ?? ''}`, pattern);
    return true;
  };

const HOLDER = `
  import { ArchiveLock, lockWorld } from ${JSON.stringify(new URL('../../src/journal/lock.js', import.meta.url).href)};
  const lock = await ArchiveLock.acquire(process.argv[1], 'h 1', await lockWorld());
  console.log('held');
  process.stdin.once('data', () => lock.release().then(() => process.exit()));`;

/** Another process that has the lock by the time this resolves. */
async function holder(path: string, ...wrapper: string[]): Promise<ChildProcess> {
  const [program, ...words] = [...wrapper, process.execPath, '--input-type=module', '-e', HOLDER, path];
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

test('a lock is held, refused with the pid, and released', async () => {
  const path = freshPath();
  const lock = await ArchiveLock.acquire(path, 'h 1', world());
  await assert.rejects(
    ArchiveLock.acquire(path, 'h 1', world()),
    isRefused(new RegExp(`another run \\(pid ${process.pid}\\) is archiving h 1[^]*kill ${process.pid}`)),
  );
  assert.equal(await mayBeLocked(path, world()), true);
  await lock.release();
  assert.equal(await mayBeLocked(path, world()), false);
  await (await ArchiveLock.acquire(path, 'h 1', world())).release();
  assert.deepEqual(readdirSync(dirname(path)), []);
});

test('a living process holds it, a killed one does not', async () => {
  const path = freshPath();
  const child = await holder(path);
  const real = await lockWorld();
  await assert.rejects(
    ArchiveLock.acquire(path, 'h 1', real),
    isRefused(new RegExp(`pid ${child.pid ?? 0}`)),
  );
  assert.equal(await mayBeLocked(path, real), true);
  await endOf(child, 'SIGKILL');
  assert.equal(existsSync(path), true, 'it was killed before it could tidy up');
  assert.equal(await mayBeLocked(path, real), false);
  await (await ArchiveLock.acquire(path, 'h 1', real)).release();
});

test(
  'a living process in another PID namespace holds it too',
  { skip: skipWithoutPidNamespaces() },
  async () => {
    const path = freshPath();
    const child = await holder(path, ...OWN_PID_NAMESPACE);
    const real = await lockWorld();
    await assert.rejects(
      ArchiveLock.acquire(path, 'h 1', real),
      isRefused(/another container or machine[^]*wait for it; the lock/),
    );
    assert.equal(await mayBeLocked(path, real), true);
    await endOf(child, 'SIGKILL');
    // Its child, which held the lock, is killed by the kernel a moment later.
    await (await acquireSoon(path)).release();
  },
);

/** Tries until the kernel has ended the owner, whose end nobody here is told of. */
async function acquireSoon(path: string): Promise<ArchiveLock> {
  const real = await lockWorld();
  for (;;) {
    try {
      return await ArchiveLock.acquire(path, 'h 1', real);
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.kind === 'locked')) throw thrown;
    }
  }
}

test('of many that find a dead owner at once, one gets the lock, and the others are told that it is locked', async () => {
  for (let round = 0; round < 5; round++) {
    const path = freshPath();
    writeFileSync(path, encodeOwner(owner()));
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => ArchiveLock.acquire(path, 'h 1', world())),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results)
      if (result.status === 'rejected')
        assert.ok(result.reason instanceof Failure && result.reason.kind === 'locked', String(result.reason));
    assert.deepEqual(readdirSync(dirname(path)), ['h.1.b.lock']);
  }
});

test('a lock that is released while another run opens it is not held twice', async () => {
  const path = freshPath();
  let holders = 0;
  const once = async (): Promise<void> => {
    for (;;) {
      try {
        const lock = await ArchiveLock.acquire(path, 'h 1', world());
        assert.equal(++holders, 1);
        await new Promise((resolve) => setImmediate(resolve));
        holders--;
        await lock.release();
        return;
      } catch (thrown) {
        if (!(thrown instanceof Failure && thrown.kind === 'locked')) throw thrown;
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, once));
});

test('where machines may share the directory, only a proven death frees it', async () => {
  const table: [name: string, owner: LockOwner, dead: boolean][] = [
    ['the same kernel', owner({ host: 'container', machineId: '', pidNamespace: 'pid:[2]' }), true],
    ['this machine before it was started again', owner({ bootId: 'b0' }), true],
    ['another machine', owner({ host: 'far', machineId: 'm2', bootId: 'b2' }), false],
    ['a clone of this machine under another name', owner({ host: 'far', bootId: 'b2' }), false],
    ['a container that has no machine-id', owner({ machineId: '', bootId: 'b2' }), false],
  ];
  for (const [name, dead, proven] of table) {
    assert.equal(isProvenDead(dead, here, false), proven, name);
    assert.equal(isProvenDead(dead, here, true), true, `${name}, on a local file system`);
    const path = freshPath();
    writeFileSync(path, encodeOwner(dead));
    assert.equal(await mayBeLocked(path, world({}, false)), !proven, name);
    const attempt = ArchiveLock.acquire(path, 'h 1', world({}, false));
    if (proven) await (await attempt).release();
    else
      await assert.rejects(attempt, isRefused(/nothing proves from here that it has ended[^]*remove /), name);
  }
  assert.equal(
    isProvenDead(owner({ bootId: '', machineId: '' }), { ...here, bootId: '', machineId: '' }, false),
    false,
  );
});

test('an owner that died before writing its name does not block it', async () => {
  const path = freshPath();
  writeFileSync(path, '');
  await (await ArchiveLock.acquire(path, 'h 1', world({}, false))).release();
});

test('something else of that name is neither overwritten nor waited for', { timeout: 20_000 }, async () => {
  const diary = freshPath();
  writeFileSync(diary, 'my diary');
  await assert.rejects(
    ArchiveLock.acquire(diary, 'h 1', world()),
    isRefused(/is not a lock of this program/, 'local'),
  );
  assert.equal(readFileSync(diary, 'utf8'), 'my diary');
  assert.equal(await mayBeLocked(diary, world()), true);

  const pipe = freshPath();
  execFileSync('mkfifo', [pipe]);
  await assert.rejects(
    ArchiveLock.acquire(pipe, 'h 1', world()),
    isRefused(/is not a file of the user/, 'local'),
  );
  assert.equal(await mayBeLocked(pipe, world()), true);

  const link = freshPath();
  const target = join(dirname(link), 'target');
  writeFileSync(target, 'precious');
  symlinkSync(target, link);
  await assert.rejects(ArchiveLock.acquire(link, 'h 1', world()), isRefused(/symbolic link/, 'local'));
  rmSync(link);
  linkSync(target, link);
  await assert.rejects(
    ArchiveLock.acquire(link, 'h 1', world()),
    isRefused(/is not a file of the user/, 'local'),
  );
  assert.equal(readFileSync(target, 'utf8'), 'precious');
});

test(
  "another user's lock: root sees whether it is held, and takes none of their files for its own",
  { skip: skipWithoutRoot() },
  async () => {
    const path = freshPath();
    const child = await holder(path);
    chownSync(path, 65534, 65534);
    const real = await lockWorld();
    assert.equal(await mayBeLocked(path, real), true);
    await endOf(child, 'SIGKILL');
    assert.equal(await mayBeLocked(path, real), false);
    await assert.rejects(
      ArchiveLock.acquire(path, 'h 1', real),
      isRefused(/is not a file of the user/, 'local'),
    );
  },
);

test('without flock there is no archive, and the reason is given', async () => {
  const path = freshPath();
  const { PATH } = process.env;
  process.env['PATH'] = dirname(path);
  try {
    await assert.rejects(
      ArchiveLock.acquire(path, 'h 1', world()),
      isRefused(/cannot run flock[^]*util-linux/, 'local'),
    );
    assert.equal(await mayBeLocked(path, world()), true);
  } finally {
    process.env['PATH'] = PATH;
  }
});
