/**
 * The directory that a restore fills. Until all of it has come and been found good, nothing there looks as if it had: a new directory is
 * called `DIR.incomplete` so long, one that was there has a file RESTORE-INCOMPLETE in it. A restore that is killed leaves it so.
 */
import { chmod, lstat, mkdir, open, readdir, rename, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errorCode, Failure } from '../errors.js';

export const INCOMPLETE_SUFFIX = '.incomplete';
export const INCOMPLETE_MARK = 'RESTORE-INCOMPLETE';

const MARK_TEXT =
  'A restore into this directory has not come to a good end, or still goes on.\nFiles may be cut or missing, and nothing proves that they are what was archived.\n';

export interface TargetDirectory {
  /** Where the files go meanwhile. */
  readonly path: string;
  /** All of it is there. @throws Failure `local` */
  complete(): Promise<void>;
  /** It has failed. @returns one line that says where what came lies; undefined where nothing did */
  giveUp(): Promise<string | undefined>;
}

/** Makes it where it is missing. @throws Failure `usage` when something is in it (a `lost+found` is not) */
export async function targetDirectory(given: string): Promise<TargetDirectory> {
  const path = resolve(given);
  return await using(given, async () =>
    (await isMissing(given)) ? await newDirectory(path) : await markedDirectory(path),
  );
}

/** Changes nothing. @throws what `targetDirectory` would */
export async function checkTargetDirectory(given: string): Promise<void> {
  await using(given, async () => {
    if (!(await isMissing(given))) return;
    const beside = incomplete(resolve(given));
    if ((await lstat(beside).catch(() => undefined)) !== undefined) throw leftBehind(beside);
  });
}

/** @throws Failure `local` for what the system refuses */
async function using<T>(given: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('local', `cannot use the directory ${given}: ${errorCode(cause) ?? String(cause)}`, {
      cause,
    });
  }
}

/** false: it is there and empty. @throws Failure `usage` when something is in it */
async function isMissing(given: string): Promise<boolean> {
  const entries = await readdir(resolve(given)).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (entries?.some((name) => name !== 'lost+found') === true)
    throw new Failure('usage', `${given} is not empty`, {
      hint: 'restore into a new directory, then move what you need',
    });
  return entries === undefined;
}

function incomplete(path: string): string {
  return `${path}${INCOMPLETE_SUFFIX}`;
}

function leftBehind(beside: string): Failure {
  return new Failure('usage', `${beside} is there: what a restore that failed has left`, {
    hint: 'remove it, or restore into another directory',
  });
}

async function newDirectory(path: string): Promise<TargetDirectory> {
  const beside = incomplete(path);
  await mkdir(resolve(path, '..'), { recursive: true });
  try {
    await mkdir(beside);
  } catch (error) {
    throw errorCode(error) === 'EEXIST' ? leftBehind(beside) : error;
  }
  return {
    path: beside,
    async complete() {
      try {
        await rename(beside, path);
      } catch (cause) {
        throw new Failure('local', `cannot rename ${beside} to ${path}: all of it is there`, { cause });
      }
    },
    async giveUp() {
      const isEmpty = await rmdir(beside).then(
        () => true,
        () => false,
      );
      return isEmpty ? undefined : `what came of it is in ${beside}: files may be cut`;
    },
  };
}

async function markedDirectory(path: string): Promise<TargetDirectory> {
  const mark = join(path, INCOMPLETE_MARK);
  // Open to the end: so long no other file gets its inode, by which it is known.
  const file = await open(mark, 'wx', 0o600);
  const { dev, ino } = await file.stat();
  await file.writeFile(MARK_TEXT);
  return {
    path,
    async complete() {
      await removeMark(path, mark, { dev, ino }).finally(() => file.close());
    },
    async giveUp() {
      try {
        const others = (await readdir(path)).filter(
          (name) => name !== INCOMPLETE_MARK && name !== 'lost+found',
        );
        if (others.length > 0) return `what came of it is in ${path}: files may be cut`;
        await removeMark(path, mark, { dev, ino });
        return undefined;
      } finally {
        await file.close();
      }
    },
  };
}

/** The archive may have a member of that name, and mode and time of the directory. */
async function removeMark(path: string, mark: string, its: { dev: number; ino: number }): Promise<void> {
  const found = await lstat(mark).catch(() => undefined);
  if (found?.ino !== its.ino || found.dev !== its.dev) return;
  const { mode, atime, mtime } = await stat(path);
  try {
    await unlink(mark).catch(async (error: unknown) => {
      if (errorCode(error) !== 'EACCES') throw error;
      await chmod(path, mode | 0o700);
      await unlink(mark);
      await chmod(path, mode & 0o7777);
    });
    await utimes(path, atime, mtime);
  } catch (cause) {
    throw new Failure('local', `cannot remove ${mark}: all of the archive is there`, { cause });
  }
}
