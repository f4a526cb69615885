/**
 * flock(2) through flock(1) of util-linux or busybox, because Node has no call for it.
 *
 * The lock belongs to the open file description, which the program inherits and locks for us. It stays when the program exits, and is
 * released when we close the file or die. The kernel sees it in every PID namespace and container of the machine.
 */
import { spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { Failure } from '../errors.js';

export type LockKind = 'exclusive' | 'shared';

/** In the child: the descriptor after standard input, output and error. */
const CHILD_DESCRIPTOR = 3;

/** @returns whether the lock was taken; false if somebody else holds it. @throws Failure `local` if that cannot be determined */
export async function takeKernelLock(file: FileHandle, kind: LockKind): Promise<boolean> {
  const { status, said } = await runFlock(file.fd, kind === 'exclusive' ? '-x' : '-s');
  if (status === 0) return true;
  if (status === 1) return false;
  throw new Failure('local', `flock failed: ${said === '' ? `status ${status ?? 'unknown'}` : said}`, {
    hint: 'the file system must support locks: give a directory on another one (outLoc, or state_dir in the configuration)',
  });
}

function runFlock(fd: number, flag: string): Promise<{ status: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', [flag, '-n', String(CHILD_DESCRIPTOR)], {
      stdio: ['ignore', 'ignore', 'pipe', fd],
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.once('error', (cause) => {
      reject(
        new Failure('local', `cannot run flock: ${cause.message}`, {
          hint: 'install util-linux (or busybox): its flock keeps two runs apart',
          cause,
        }),
      );
    });
    child.once('close', (status) => {
      resolve({ status, said: said.trim() });
    });
  });
}
