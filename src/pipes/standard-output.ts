/**
 * Standard output that is there whole or an error. Node's own stream for a file takes a short write, as a disk gives that is filling up,
 * for a whole one: what did not fit would be missing without a word.
 */
import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Writable } from 'node:stream';

const STDOUT = 1;
/** The launcher saw it, before Node put /dev/null there. */
const CLOSED = 'BACKUPPC_B2_STDOUT_CLOSED';

/** Whether it was closed already when this process began (`>&-`). What this process starts is not told. */
export const startedWithoutOutput = process.env[CLOSED] !== undefined;
Reflect.deleteProperty(process.env, CLOSED);

let stream: Writable | undefined;

/** One for the whole process; nothing else may write to descriptor 1. Without one each write fails with EBADF. */
export function standardOutput(): Writable {
  return (stream ??= startedWithoutOutput
    ? wholeWrites(STDOUT, refuse)
    : takesShortWrites(STDOUT)
      ? wholeWrites(STDOUT)
      : process.stdout);
}

function refuse(): never {
  throw Object.assign(new Error('standard output is closed'), { code: 'EBADF' });
}

function takesShortWrites(descriptor: number): boolean {
  if (isatty(descriptor)) return false;
  const found = fstatSync(descriptor);
  return found.isFile() || found.isCharacterDevice() || found.isBlockDevice();
}

/** Writes at once, as Node does to a file: nothing waits when the process ends. */
export function wholeWrites(descriptor: number, write: typeof writeSync = writeSync): Writable {
  return new Writable({
    decodeStrings: true,
    autoDestroy: false,
    write(chunk: Uint8Array, _encoding, done) {
      try {
        for (let at = 0; at < chunk.length;) at += write(descriptor, chunk, at);
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}
