/** Puts files where they belong, with owner and mode from the first moment on, whole or not at all. */
import { randomBytes } from 'node:crypto';
import { chmod, chown, copyFile, link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile, type FileOwner } from '../../config/replace-file.js';
import { asFailure, Failure } from '../../errors.js';
import type { SystemAccount } from './account.js';

/** A secret: root's, lent to BackupPC by the group; or its user's alone. */
export function secretOwner(account: SystemAccount, asRoot: boolean): FileOwner {
  return asRoot ? { user: { uid: 0, gid: account.gid }, mode: 0o640 } : { user: account, mode: 0o600 };
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** What was there before stays as `PATH.old`. @throws Failure `local` */
export async function placeFile(path: string, text: string, owner: FileOwner): Promise<void> {
  await through(path, text, owner, async (temporary) => {
    const before = await stat(path).catch(() => undefined);
    if (before !== undefined) {
      const old = `${path}.old`;
      await rm(old, { force: true });
      await copyFile(path, old);
      await chmod(old, before.mode & 0o7777);
      await chown(old, before.uid, before.gid);
    }
    await rename(temporary, path);
  });
}

/** @throws Failure `local`; an existing file is never touched, even one that comes into being meanwhile */
export async function placeNewFile(path: string, text: string, owner: FileOwner): Promise<void> {
  await through(path, text, owner, (temporary) => link(temporary, path));
}

/** An existing directory keeps its owner and mode. @throws Failure `local` */
export async function placeDirectory(path: string, { uid, gid }: SystemAccount): Promise<void> {
  try {
    if (await exists(path)) return;
    await mkdir(dirname(path), { recursive: true });
    await mkdir(path, { mode: 0o700 });
    await chown(path, uid, gid);
  } catch (error) {
    throw cannot('make', path, error);
  }
}

/** A passphrase that nobody has to type often: 192 bits, letters and digits and - and _. */
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
