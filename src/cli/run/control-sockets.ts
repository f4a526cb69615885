/** Where running archives can be talked to: one socket each, in a directory of their user. */
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { controlSockets } from '../../bandwidth/control-socket.js';
import { Failure } from '../../errors.js';

const NAME = 'backuppc-b2-';

/** This user's directory, made if it is missing. @throws Failure `local` where it is not ours alone */
export async function controlDirectory(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const directory = join(tmpdir(), `${NAME}${uid}`);
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  const stat = await lstat(directory);
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o077) !== 0) {
    throw new Failure('local', `${directory} is not a directory of this user alone`, {
      hint: `remove it: rm -r ${directory}`,
    });
  }
  return directory;
}

/** Socket of the archive that process `pid` runs. Those that killed archives left are removed. */
export async function controlSocketOf(pid: number): Promise<string> {
  const directory = await controlDirectory();
  for (const socket of await controlSockets(directory)) {
    if (!isAlive(Number(basename(socket, '.sock')))) await rm(socket, { force: true });
  }
  return join(directory, `${pid}.sock`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Sockets of the archives that we may talk to: our user's; root sees everybody's. */
export async function runningArchives(): Promise<string[]> {
  if (process.getuid?.() !== 0) return controlSockets(await controlDirectory());
  const directories = (await readdir(tmpdir())).filter(
    (name) => name.startsWith(NAME) && /^\d+$/.test(name.slice(NAME.length)),
  );
  return (await Promise.all(directories.map((name) => controlSockets(join(tmpdir(), name))))).flat();
}
