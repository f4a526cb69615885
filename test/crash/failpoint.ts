/**
 * Preloaded into the real program (NODE_OPTIONS=--import=…): kills it with SIGKILL at a chosen operation on its state directory, or at a
 * chosen byte of what it sends. The program itself has no failpoints.
 *
 * CRASH_DIRECTORY names the state directory, CRASH_POINT the point as JSON. Without a point the operations are only counted, and
 * written to CRASH_COUNT at exit.
 */
import { ftruncateSync, fstatSync, writeFileSync, writeSync } from 'node:fs';
import fsPromises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

const SLOW_SYNC_MS = 200;

export type CrashPoint =
  /** Before operation `nth` (from 1) on a file of the state directory. */
  | {
      readonly kind: 'file';
      readonly nth: number;
      /** When the operation writes: this share of it gets into the file. */
      readonly torn?: number;
      /** What was not synced is lost, as with the power; a sync takes its time before. */
      readonly power?: boolean;
    }
  /** Before the write to a socket with which more than `bytes` would have been sent. */
  | { readonly kind: 'sent'; readonly bytes: number }
  /** Not killed: from operation `nth` on the disk is full, and half of that write still fits. */
  | { readonly kind: 'full'; readonly nth: number };

/** An operation of the state directory, as CRASH_COUNT lists them. */
export interface CountedOperation {
  readonly name: string;
  readonly path: string;
}

/** Sum of the bytes written to sockets, the last line of CRASH_COUNT. */
export interface Counted {
  readonly operations: readonly CountedOperation[];
  readonly sentBytes: number;
  /** Of those killed: how much of each open file was known to be on the disk, by path. */
  readonly syncedBytes?: Readonly<Record<string, number>>;
}

function install(directory: string, point: CrashPoint | undefined, countFile: string | undefined): void {
  const operations: CountedOperation[] = [];
  let sentBytes = 0;
  /** Open files and how much of each is known to be on the disk. */
  const synced = new Map<FileHandle, number>();
  const paths = new Map<FileHandle, string>();

  const die = (): void => {
    if (point?.kind === 'file' && point.power === true) {
      for (const [file, bytes] of synced) if (fstatSync(file.fd).size > bytes) ftruncateSync(file.fd, bytes);
    }
    if (countFile !== undefined) {
      const syncedBytes = Object.fromEntries(
        [...synced].map(([file, bytes]): [string, number] => [paths.get(file) ?? '', bytes]),
      );
      writeFileSync(countFile, JSON.stringify({ operations, sentBytes, syncedBytes } satisfies Counted));
    }
    process.kill(process.pid, 'SIGKILL');
    // The signal has been sent; nothing more may happen until it arrives.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };

  const reach = (name: string, path: string, write?: { file: FileHandle; bytes: Uint8Array }): void => {
    operations.push({ name, path });
    if (point?.kind === 'full' && write !== undefined && operations.length >= point.nth) {
      if (operations.length === point.nth) writeSync(write.file.fd, write.bytes, 0, write.bytes.length >> 1);
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
    if (point?.kind !== 'file' || operations.length !== point.nth) return;
    if (write !== undefined && point.torn !== undefined) {
      writeSync(write.file.fd, write.bytes, 0, Math.floor(write.bytes.length * point.torn));
    }
    die();
  };

  const watched = (path: unknown): path is string => typeof path === 'string' && path.startsWith(directory);

  const open = fsPromises.open.bind(fsPromises);
  fsPromises.open = async (path, flags, mode) => {
    const file = await open(path, flags, mode);
    if (watched(path)) watch(file, path);
    return file;
  };

  function watch(file: FileHandle, path: string): void {
    synced.set(file, fstatSync(file.fd).size);
    paths.set(file, path);
    for (const name of ['appendFile', 'writeFile'] as const) {
      const write = file[name].bind(file);
      file[name] = async (data, options) => {
        if (data instanceof Uint8Array) reach(name, path, { file, bytes: data });
        await write(data, options);
      };
    }
    for (const name of ['sync', 'datasync'] as const) {
      const sync = file[name].bind(file);
      file[name] = async () => {
        // What does not wait for the sync gets the time to show it.
        if (point?.kind === 'file' && point.power === true && operations.length + 1 === point.nth)
          await delay(SLOW_SYNC_MS);
        reach(name, path);
        const { size } = fstatSync(file.fd);
        await sync();
        synced.set(file, size);
      };
    }
    const close = file.close.bind(file);
    file.close = async () => {
      synced.delete(file);
      paths.delete(file);
      await close();
    };
  }

  const unlink = fsPromises.unlink.bind(fsPromises);
  fsPromises.unlink = async (path) => {
    if (watched(path)) reach('unlink', path);
    await unlink(path);
  };
  for (const name of ['rename', 'link'] as const) {
    const move = fsPromises[name].bind(fsPromises);
    fsPromises[name] = async (from, to) => {
      if (watched(to)) reach(name, to);
      await move(from, to);
    };
  }

  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the socket as `this` below
  const { write } = Socket.prototype;
  Socket.prototype.write = function (this: Socket, ...args: Parameters<Socket['write']>): boolean {
    const [chunk] = args;
    sentBytes += typeof chunk === 'string' ? chunk.length : chunk.length;
    if (point?.kind === 'sent' && sentBytes > point.bytes) die();
    return write.apply(this, args);
  } as Socket['write'];
  syncBuiltinESMExports();

  if (countFile !== undefined) {
    process.on('exit', () => {
      writeFileSync(countFile, JSON.stringify({ operations, sentBytes } satisfies Counted));
    });
  }
}

const { CRASH_DIRECTORY, CRASH_POINT, CRASH_COUNT } = process.env;
if (isMainThread && CRASH_DIRECTORY !== undefined) {
  install(
    CRASH_DIRECTORY,
    CRASH_POINT === undefined ? undefined : (JSON.parse(CRASH_POINT) as CrashPoint),
    CRASH_COUNT,
  );
}
