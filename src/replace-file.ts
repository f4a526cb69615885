/** Files that are either whole or not there: written under a temporary name, made durable, then given their own name. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

const TEMPORARY_SUFFIX = '.tmp';

export interface FileOwner {
  /** undefined: whoever runs this. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly mode: number;
}

/** Readable and writable by us alone. */
const PRIVATE: FileOwner = { mode: 0o600 };

/**
 * A durable file beside `path` under a name that nobody can guess, with owner and mode from the start. The caller renames, links or
 * removes it. Rejects with the system's error, and then leaves nothing behind.
 * @returns the temporary path
 */
export async function writeTemporary(
  path: string,
  content: string | Uint8Array,
  { user, mode }: FileOwner = PRIVATE,
): Promise<string> {
  const name = `${basename(path)}.${randomBytes(8).toString('hex')}${TEMPORARY_SUFFIX}`;
  const temporary = join(dirname(path), name);
  const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE.mode);
  try {
    await file.writeFile(content);
    if (user !== undefined) await file.chown(user.uid, user.gid);
    if (mode !== PRIVATE.mode) await file.chmod(mode);
    await file.sync();
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw thrown;
  } finally {
    await file.close();
  }
  return temporary;
}

/** What writers that were killed left beside these files of one directory. Rejects with the system's error. */
export async function temporariesOf(path: string, ...others: readonly string[]): Promise<string[]> {
  const directory = dirname(path);
  const stems = [path, ...others].map((file) => `${basename(file)}.`);
  const names = await readdir(directory);
  return names
    .filter((name) => name.endsWith(TEMPORARY_SUFFIX) && stems.some((stem) => name.startsWith(stem)))
    .map((name) => join(directory, name));
}

/**
 * A reader finds the old content or the new one, never a mixture. Rejects with the system's error.
 * @param publish gives the finished temporary file its name; it may also leave it where it is
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  owner: FileOwner = PRIVATE,
  publish: (temporary: string) => Promise<void> = (temporary) => rename(temporary, path),
): Promise<void> {
  const temporary = await writeTemporary(path, content, owner);
  try {
    await publish(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}
