/**
 * Files that decide what this program does and whom it trusts: configuration, secrets, recipients' keys, programs named in `*_command`.
 * Anybody who can write to one of them can act as us, so they must belong to root or to us, and nobody else may write to them.
 */
import { accessSync, closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { errorCode, Failure } from '../errors.js';

/** Mode bits that a file with a secret must not have. The group may read it: that is how root shares it with BackupPC's user. */
export const OPEN_TO_OTHERS = 0o037;
const WRITABLE_BY_OTHERS = 0o022;

export interface FileFacts {
  readonly uid: number;
  readonly mode: number;
  /** A device such as /dev/null, whose mode says nothing about its contents. */
  readonly isDevice: boolean;
}

export interface Distrust {
  readonly problem: string;
  readonly cure: string;
}

/** Pure. @param self uid of this process; undefined on systems without */
export function distrust(
  path: string,
  { uid, mode, isDevice }: FileFacts,
  self: number | undefined,
  secret: boolean,
): Distrust | undefined {
  if (self === undefined) return undefined;
  if (uid !== 0 && uid !== self) {
    const whose = self === 0 ? 'root' : 'root or to the user this runs as';
    return {
      problem: `${path} does not belong to ${whose}`,
      cure: `chown ${self === 0 ? 'root' : self} ${path}`,
    };
  }
  if (isDevice) return undefined;
  if (secret && (mode & OPEN_TO_OTHERS) !== 0)
    return { problem: `${path} is open to others`, cure: `chmod 600 ${path}` };
  if ((mode & WRITABLE_BY_OTHERS) !== 0)
    return { problem: `${path} can be written by others`, cure: `chmod go-w ${path}` };
  return undefined;
}

export interface TrustedRead {
  /** For messages: `passphrase file`. */
  readonly what: string;
  readonly secret: boolean;
  /** Setting that reads the same from a command, for files whose owner and mode cannot be changed. */
  readonly command?: string;
}

/** The contents of the file, checked and read through the same descriptor. @throws Failure `config` with the cure */
export function readTrusted(path: string, { what, secret, command }: TrustedRead): Buffer {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY);
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw new Failure('config', `the ${what} ${path} is a directory`);
    const facts = { uid: stat.uid, mode: stat.mode, isDevice: stat.isCharacterDevice() };
    const found = distrust(path, facts, process.geteuid?.(), secret);
    if (found === undefined) return readFileSync(fd);
    throw new Failure('config', `the ${what} ${found.problem}`, { hint: cureFor(path, found, command) });
  } catch (error) {
    if (error instanceof Failure) throw error;
    const reason = errorCode(error) ?? String(error);
    throw new Failure('config', `cannot read the ${what} ${path}: ${reason}`, { cause: error });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** A secret mounted into a container has the owner and mode that it was mounted with. */
function cureFor(path: string, { cure }: Distrust, command: string | undefined): string {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    if (command !== undefined && errorCode(error) === 'EROFS')
      return `the mount is read-only: mount it for this user with mode 0400, or accept it as it is with ${command} = "cat ${path}"`;
  }
  return cure;
}

/** Checks the program of a shell command, if it is given by its path. @throws Failure `config` */
export function trustCommand(command: string, what: string): void {
  const program = /^\s*(\/[^\s;|&<>()$`"'\\]+)/.exec(command)?.[1];
  if (program === undefined) return;
  const stat = statSync(program, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) return;
  const found = distrust(
    program,
    { uid: stat.uid, mode: stat.mode, isDevice: false },
    process.geteuid?.(),
    false,
  );
  if (found !== undefined) throw new Failure('config', `the ${what}: ${found.problem}`, { hint: found.cure });
}
