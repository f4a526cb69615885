/** Writes setup's files: complete or not at all, with owner and mode from the start. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile, type FileOwner } from '../../replace-file.js';
import { asFailure, errorCode, Failure } from '../../errors.js';
import type { SystemAccount } from './account.js';

/** Owner of a secret: root, readable by BackupPC's group; or its user alone. */
export function secretOwner(account: SystemAccount, asRoot: boolean): FileOwner {
  return asRoot ? { user: { uid: 0, gid: account.gid }, mode: 0o640 } : { user: account, mode: 0o600 };
}

/** Also true for a dangling link. */
export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/**
 * The previous file is kept as `PATH.old`. The directory may belong to another user, who can create links while root writes: nothing is read
 * through a link, and owner and mode are set on open files only.
 * @throws Failure `local`
 */
export async function placeFile(path: string, text: string, owner: FileOwner): Promise<void> {
  const before = await contentsBefore(path);
  await through(path, text, owner, async (temporary) => {
    if (before !== undefined) await replaceFile(`${path}.old`, before.contents, before.owner);
    await rename(temporary, path);
  });
}

async function contentsBefore(
  path: string,
): Promise<{ readonly contents: Uint8Array; readonly owner: FileOwner } | undefined> {
  if (!(await exists(path))) return undefined;
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { uid, gid, mode, nlink } = await file.stat();
      const isPlain = (mode & constants.S_IFMT) === constants.S_IFREG && nlink === 1;
      if (!isPlain) throw new Failure('local', 'it is not a plain file with one name');
      return { contents: await file.readFile(), owner: { user: { uid, gid }, mode: mode & 0o7777 } };
    } finally {
      await file.close();
    }
  } catch (cause) {
    const why = errorCode(cause) === 'ELOOP' ? 'it is a symbolic link' : asFailure(cause).message;
    throw new Failure('local', `cannot replace ${path}: ${why}`, {
      hint: `look at it, and remove it`,
      cause,
    });
  }
}

/** @throws Failure `local`. Never touches an existing file, even one that appears meanwhile */
export async function placeNewFile(path: string, text: string, owner: FileOwner): Promise<void> {
  await through(path, text, owner, (temporary) => link(temporary, path));
}

/** An existing directory keeps its owner and mode. @throws Failure `local` */
export async function placeDirectory(path: string, { uid, gid }: SystemAccount): Promise<void> {
  try {
    if (await exists(path)) return;
    await mkdir(dirname(path), { recursive: true });
    await mkdir(path, { mode: 0o700 });
    const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
    const made = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await made.chown(uid, gid);
    } finally {
      await made.close();
    }
  } catch (error) {
    throw cannot('make', path, error);
  }
}

/** A passphrase that is rarely typed: 192 bits as letters, digits, - and _. */
export function newPassphrase(): string {
  return randomBytes(24).toString('base64url');
}

async function through(
  path: string,
  text: string,
  owner: FileOwner,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  try {
    await replaceFile(path, text, owner, publish);
  } catch (error) {
    throw cannot('write', path, error);
  }
}

function cannot(what: string, path: string, error: unknown): Failure {
  return new Failure('local', `cannot ${what} ${path}: ${asFailure(error).message}`, {
    hint: 'run it as root, or give --config FILE and --state-dir DIR of your own',
    cause: error,
  });
}
