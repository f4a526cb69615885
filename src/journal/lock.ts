/**
 * One run per archive. The lock is a file that names its owner; an owner that is dead (its process is gone, its number belongs to
 * another process now, or the machine was started again) does not hold it.
 */
import { link, readFile, rename, unlink } from 'node:fs/promises';
import { Failure } from '../errors.js';
import { errorCode, localFailure, readOwnFile, removeFile, writeTemporary } from './files.js';

/** A process, told apart from every other that ever had its number on this machine. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the machine started: field 22 of /proc/PID/stat. Empty where there is no /proc. */
  readonly startTime: string;
  /** /proc/sys/kernel/random/boot_id. Empty where there is no /proc. */
  readonly bootId: string;
}

export interface Processes {
  readonly self: ProcessIdentity;
  isAlive(owner: ProcessIdentity): Promise<boolean>;
}

/**
 * Field 22 of /proc/PID/stat, or undefined for a zombie, which runs no more but keeps its number until its parent asks.
 * The name of a process may hold blanks and brackets: the numbered fields begin behind the last bracket.
 */
export function startTimeOf(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

async function startTime(pid: number): Promise<string | undefined> {
  try {
    return startTimeOf(await readFile(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** The processes of this machine, as /proc shows them. */
export async function systemProcesses(): Promise<Processes> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').then(
    (text) => text.trim(),
    () => '',
  );
  const self = { pid: process.pid, startTime: (await startTime(process.pid)) ?? '', bootId };
  return {
    self,
    async isAlive(owner) {
      if (owner.bootId !== bootId) return false;
      if (bootId !== '') return (await startTime(owner.pid)) === owner.startTime;
      try {
        process.kill(owner.pid, 0);
        return true;
      } catch (thrown) {
        return errorCode(thrown) === 'EPERM';
      }
    },
  };
}

function parseOwner(text: string): ProcessIdentity | undefined {
  const [pid, startTime, bootId, end] = text.split('\n');
  if (
    pid === undefined ||
    startTime === undefined ||
    bootId === undefined ||
    end !== '' ||
    !/^\d+$/.test(pid)
  )
    return undefined;
  return { pid: Number(pid), startTime, bootId };
}

export class ArchiveLock {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * @param what for the message: `host 42`
   * @throws Failure `locked` naming the living owner; `local`
   */
  static async acquire(path: string, what: string, processes: Processes): Promise<ArchiveLock> {
    try {
      await acquire(path, what, processes);
    } catch (thrown) {
      throw localFailure('lock', path, thrown);
    }
    return new ArchiveLock(path);
  }

  async release(): Promise<void> {
    await removeFile(this.path);
  }
}

async function acquire(path: string, what: string, processes: Processes): Promise<void> {
  const { self } = processes;
  const mine = await writeTemporary(path, Buffer.from(`${self.pid}\n${self.startTime}\n${self.bootId}\n`));
  try {
    for (;;) {
      if (await created(mine, path)) return;
      const owner = await ownerOf(path);
      if (owner === undefined) continue;
      if (await processes.isAlive(owner)) throw lockedBy(owner, what, path);
      // Of those who find the same dead owner one may replace it: the one who holds the lock named after that owner. Whoever comes
      // late sees below that the lock has another owner by now.
      const claim = `${path}.${owner.pid}-${owner.startTime || '0'}`;
      await acquire(claim, what, processes);
      try {
        if (sameProcess(await ownerOf(path), owner)) {
          await rename(mine, path);
          return;
        }
      } finally {
        await removeFile(claim);
      }
    }
  } finally {
    await unlink(mine).catch(() => undefined);
  }
}

/** Appears whole or not at all, and only where nothing was. */
async function created(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

async function ownerOf(path: string): Promise<ProcessIdentity | undefined> {
  const file = await readOwnFile(path);
  if (file === undefined) return undefined;
  const owner = parseOwner(file.toString('latin1'));
  if (owner !== undefined) return owner;
  throw new Failure('local', `${path} is not a lock of this program`, {
    hint: 'remove it if no archive of this backup is running',
  });
}

function sameProcess(a: ProcessIdentity | undefined, b: ProcessIdentity): boolean {
  return a?.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId;
}

function lockedBy(owner: ProcessIdentity, what: string, path: string): Failure {
  return new Failure('locked', `another run (pid ${owner.pid}) is archiving ${what}`, {
    hint: `wait for it, or stop it with: kill ${owner.pid}; the lock is ${path}`,
  });
}

/** Whether a living process holds this lock. Takes nothing. */
export async function isLocked(path: string, processes: Processes): Promise<boolean> {
  const owner = await ownerOf(path);
  return owner !== undefined && (await processes.isAlive(owner));
}
