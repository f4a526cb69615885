/** Files that are there whole or not at all: written beside, durable, with owner and mode from the first moment on, then given their name. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface FileOwner {
  /** undefined: whoever runs this. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly mode: number;
}

/** @param publish gives the finished temporary file its name; it may leave it where it is, too. Rejects with the system's error. */
export async function replaceFile(
  path: string,
  text: string | Uint8Array,
  { user, mode }: FileOwner,
  publish: (temporary: string) => Promise<void> = (temporary) => rename(temporary, path),
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      if (user !== undefined) await file.chown(user.uid, user.gid);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}
