/**
 * One run per archive. The kernel's lock on a file decides. The file's content names the owner, for messages and for the one case that the
 * kernel cannot decide: a directory that several machines share.
 */
import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode, Failure } from '../errors.js';
import { checkOwner, localFailure, readBounded, removeFile } from '../own-files.js';
import { takeKernelLock } from './kernel-lock.js';
import {
  decodeOwner,
  encodeOwner,
  isLocalFileSystem,
  isProvenDead,
  thisMachine,
  type LockOwner,
  type Machine,
} from './lock-owner.js';

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** How long to retry: a command that tests the lock briefly takes a shared one. */
const TRIES = 5;
const PAUSE_MS = 20;
const MAX_OWNER_BYTES = 4096;

export interface LockWorld {
  readonly machine: Machine;
  readonly pid: number;
  /** Whether no other machine can share this directory. */
  readonly isLocal: (directory: string) => Promise<boolean>;
}

export async function lockWorld(): Promise<LockWorld> {
  return { machine: await thisMachine(), pid: process.pid, isLocal: isLocalFileSystem };
}

export class ArchiveLock {
  readonly path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /**
   * @param what for the message: `host 42`
   * @throws Failure `locked` naming the owner, also where its death is not proven; `local`
   */
  static async acquire(path: string, what: string, world: LockWorld): Promise<ArchiveLock> {
    try {
      return new ArchiveLock(path, await acquire(path, what, world));
    } catch (thrown) {
      throw localFailure('lock', path, thrown);
    }
  }

  /** Removes the file first, so that whoever opened it meanwhile sees that it no longer has this name. */
  async release(): Promise<void> {
    await removeFile(this.path);
    await this.#file.close();
  }
}

async function acquire(path: string, what: string, world: LockWorld): Promise<FileHandle> {
  for (let tries = 1; ;) {
    const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    let ours = false;
    try {
      await checkOwner(file, path);
      if (!(await takeKernelLock(file, 'exclusive'))) {
        if (tries++ >= TRIES) throw lockedBy(await ownerIn(file), what, path, world.machine);
        await delay(PAUSE_MS);
      } else if (await isStillAt(file, path)) {
        await refuseUnproven(file, what, path, world);
        await file.truncate(0);
        await file.write(encodeOwner({ pid: world.pid, ...world.machine }), 0);
        ours = true;
        return file;
      }
    } finally {
      if (!ours) await file.close();
    }
  }
}

/** False if its owner released and removed it between our opening and locking it. */
async function isStillAt(file: FileHandle, path: string): Promise<boolean> {
  try {
    const [open, named] = await Promise.all([file.stat({ bigint: true }), lstat(path, { bigint: true })]);
    return open.ino === named.ino && open.dev === named.dev;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

async function refuseUnproven(
  file: FileHandle,
  what: string,
  path: string,
  { machine, isLocal }: LockWorld,
): Promise<void> {
  const owner = await ownerIn(file);
  if (owner === undefined) {
    throw new Failure('local', `${path} is not a lock of this program`, {
      hint: 'remove it if no archive of this backup is running',
    });
  }
  if (owner === 'nobody' || isProvenDead(owner, machine, await isLocal(dirname(path)))) return;
  throw new Failure(
    'locked',
    `a run on ${owner.host} (pid ${owner.pid}) was archiving ${what}, and nothing proves from here that it has ended`,
    { hint: `make sure that it has ended, then remove ${path}; or give each machine a state_dir of its own` },
  );
}

async function ownerIn(file: FileHandle): Promise<LockOwner | 'nobody' | undefined> {
  return decodeOwner((await readBounded(file, MAX_OWNER_BYTES)).toString('utf8'));
}

function lockedBy(
  owner: LockOwner | 'nobody' | undefined,
  what: string,
  path: string,
  here: Machine,
): Failure {
  if (owner === undefined || owner === 'nobody')
    return new Failure('locked', `another run is archiving ${what}`, {
      hint: `wait for it; the lock is ${path}`,
    });
  const near = owner.bootId === here.bootId && owner.pidNamespace === here.pidNamespace;
  const where = near ? '' : ` on ${owner.host}, in another container or machine`;
  const stop = near ? `, or stop it with: kill ${owner.pid}` : '';
  return new Failure('locked', `another run (pid ${owner.pid}${where}) is archiving ${what}`, {
    hint: `wait for it${stop}; the lock is ${path}`,
  });
}

/** Whether a run of any user may hold this lock. In doubt it counts as held. Changes nothing. */
export async function mayBeLocked(path: string, world: LockWorld): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (thrown) {
    return errorCode(thrown) !== 'ENOENT';
  }
  try {
    if (!(await file.stat()).isFile() || !(await takeKernelLock(file, 'shared'))) return true;
    const owner = await ownerIn(file);
    if (owner === undefined || owner === 'nobody') return owner === undefined;
    return !isProvenDead(owner, world.machine, await world.isLocal(dirname(path)));
  } catch {
    return true;
  } finally {
    await file.close();
  }
}
