/** The sockets of running archives: one each, in a directory of their user. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { controlSockets, isServed } from '../../bandwidth/control-socket.js';
import { errorCode, Failure } from '../../errors.js';

const NAME = 'backuppc-b2-';

/** This user's directory, created if missing. @throws Failure `local` if others can use it */
async function controlDirectory(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const directory = join(tmpdir(), `${NAME}${uid}`);
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
  if (!(await belongsTo(directory, uid))) {
    throw new Failure('local', `${directory} is not a directory of this user alone`, {
      hint: `remove it: rm -r ${directory}`,
    });
  }
  return directory;
}

/** Anybody can create a directory with such a name in /tmp. */
async function belongsTo(directory: string, uid: number): Promise<boolean> {
  const stat = await lstat(directory).catch(() => undefined);
  return stat?.isDirectory() === true && stat.uid === uid && (stat.mode & 0o077) === 0;
}

/**
 * A new name for the socket of the archive that process `pid` runs: in containers that share the directory, another process may have the
 * same number. Removes sockets of killed archives.
 */
export async function controlSocketOf(pid: number): Promise<string> {
  const directory = await controlDirectory();
  for (const socket of await controlSockets(directory))
    if (!(await isServed(socket))) await rm(socket, { force: true });
  return join(directory, `${pid}-${randomBytes(3).toString('hex')}.sock`);
}

/** Sockets of archives that we may talk to: our user's; root sees all users'. */
export async function runningArchives(): Promise<string[]> {
  if (process.getuid?.() !== 0) return controlSockets(await controlDirectory());
  const sockets: string[] = [];
  for (const name of (await readdir(tmpdir())).sort()) {
    const uid = new RegExp(`^${NAME}(\\d+)$`).exec(name)?.[1];
    const directory = join(tmpdir(), name);
    if (uid === undefined || !(await belongsTo(directory, Number(uid)))) continue;
    for (const socket of await controlSockets(directory)) {
      const stat = await lstat(socket).catch(() => undefined);
      if (stat?.isSocket() === true && stat.uid === Number(uid)) sockets.push(socket);
    }
  }
  return sockets;
}

/** The directory of the user whose archive it is. */
export function userOf(socket: string): string {
  return dirname(socket);
}
