/** Small durable files in a directory that others may also write to (BackupPC's default for `$archiveloc` is /tmp). */
import { constants } from 'node:fs';
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, Failure } from './errors.js';
import { replaceFile } from './replace-file.js';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Readable and writable by us alone: these files hold session keys. */
const MODE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on that disk, then run the archive again: it goes on where it stopped',
  EDQUOT: 'the quota is used up: make room, then run the archive again: it goes on where it stopped',
  EFBIG: 'a limit on the size of files (ulimit -f) is in the way',
  EACCES:
    'give a directory that the user this runs as can write to (outLoc, or state_dir in the configuration)',
  EPERM: 'the file belongs to another user: remove it, or run this as the user BackupPC runs as',
  EROFS: 'the file system is read-only: give another directory (outLoc, or state_dir in the configuration)',
  ENOENT: 'create the directory, or give another one (outLoc, or state_dir in the configuration)',
  ENOTDIR: 'give a directory (outLoc, or state_dir in the configuration)',
  ELOOP: 'it is a symbolic link: remove it',
  ENXIO: 'it is a pipe or a socket: remove it, or give another directory',
};

/** An error of the file system as a `Failure` `local` with advice. */
export function localFailure(action: string, path: string, thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = errorCode(thrown);
  const why = code ?? (thrown instanceof Error ? thrown.message : String(thrown));
  const hint = code === undefined ? undefined : HINTS[code];
  return new Failure('local', `cannot ${action} ${path}: ${why}`, {
    cause: thrown,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Refuses what another user may have put there: their own file, a pipe without a writer, a second name of another file of ours. */
export async function checkOwner(file: FileHandle, path: string): Promise<void> {
  const stat = await file.stat();
  if (!stat.isFile() || stat.nlink > 1 || (process.getuid !== undefined && stat.uid !== process.getuid())) {
    throw new Failure('local', `${path} is not a file of the user this runs as`, {
      hint: 'remove it, or give another directory',
    });
  }
}

/** @returns undefined when there is no such file. @throws Failure `local` */
export async function readOwnFile(path: string): Promise<Buffer | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    await checkOwner(file, path);
    return await file.readFile();
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw localFailure('read', path, thrown);
  } finally {
    await file?.close();
  }
}

/** The first octets of a file, up to `most`. */
export async function readBounded(file: FileHandle, most: number): Promise<Buffer> {
  const buffer = Buffer.alloc(most);
  let length = 0;
  while (length < most) {
    const { bytesRead } = await file.read(buffer, length, most - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/**
 * Up to `most` octets of a plain file, whoever it belongs to: not through a link, and without waiting for a pipe.
 * @returns undefined for what is missing, closed to us or no plain file
 */
export async function readPlainFile(path: string, most: number): Promise<Buffer | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = await file.stat();
    return stat.isFile() ? await readBounded(file, Math.min(most, stat.size)) : undefined;
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** @param missing what becomes of a file that is not there. @throws Failure `local` */
export async function openForAppend(path: string, missing: 'fail' | 'create' = 'fail'): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    const create = missing === 'create' ? O_CREAT : 0;
    file = await open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | create, MODE);
    await checkOwner(file, path);
    return file;
  } catch (thrown) {
    await file?.close();
    throw localFailure('open', path, thrown);
  }
}

/**
 * What a decision rests on, read by whichever user asks: a file that root, this user or, where root asks, the owner of its directory
 * has written, and nobody else can. undefined where there is no such file.
 */
export async function readTrustedFile(path: string): Promise<Buffer | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const its = await file.stat();
    const self = process.getuid?.() ?? its.uid;
    const trusted = [0, self, ...(self === 0 ? [(await stat(dirname(path))).uid] : [])];
    const isPlain = its.isFile() && its.nlink === 1;
    if (!isPlain || !trusted.includes(its.uid) || (its.mode & WRITABLE_BY_OTHERS) !== 0) return undefined;
    return await file.readFile();
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Appends with one write, durably, to a file of our own that is made where it is missing. @throws Failure `local` */
export async function appendDurably(path: string, bytes: Uint8Array): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, MODE);
    await checkOwner(file, path);
    await file.appendFile(bytes);
    await file.sync();
    await syncDirectory(dirname(path));
  } catch (thrown) {
    throw localFailure('write', path, thrown);
  } finally {
    await file?.close();
  }
}

/** What a directory lists is durable after this. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** `replaceFile` for a file of our own that must also survive a crash of the machine. @throws Failure `local` */
export async function replaceOwnFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await replaceFile(path, bytes);
    await syncDirectory(dirname(path));
  } catch (thrown) {
    throw localFailure('write', path, thrown);
  }
}

/** What is gone already is no error. @throws Failure `local` */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (thrown) {
    if (errorCode(thrown) !== 'ENOENT') throw localFailure('remove', path, thrown);
  }
}
