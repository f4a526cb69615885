/** Where a restored archive goes: through the decompressor into tar, a file, or standard output. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { Failure } from '../errors.js';
import type { Child } from '../pipes/child.js';
import { feed, startProgram } from './stock-program.js';

/** Program and its words. */
export type Command = readonly [program: string, ...words: string[]];

export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** Everything is written, flushed and accepted. @throws Failure */
  finish(): Promise<void>;
  abort(): void;
}

/** @param decompress the command's words; undefined: the bytes are the tar already */
export function tarSink(directory: string, paths: readonly string[], decompress: Command | undefined): Sink {
  const tar = startProgram(['tar', '-xpf', '-', '-C', directory, '--', ...paths], {
    stdout: 'inherit',
    kind: 'local',
  });
  return decompress === undefined ? childSink(tar) : pipeline(decompress, tar);
}

export function stdoutSink(decompress: Command | undefined, stdout: Writable = process.stdout): Sink {
  if (decompress !== undefined)
    return childSink(startProgram(decompress, { stdout: 'inherit', kind: 'damaged' }));
  let broken: Failure | undefined;
  stdout.on('error', (cause) => {
    broken = new Failure('interrupted', 'whoever read our output has ended', { cause });
  });
  return {
    async write(bytes) {
      // `bytes` are ours only until this resolves, so it waits until they have left; the socket's buffer of the system is enough ahead.
      await new Promise<void>((resolve) => {
        stdout.write(bytes, () => {
          resolve();
        });
      });
      if (broken !== undefined) throw broken;
    },
    finish: () => Promise.resolve(),
    abort: () => undefined,
  };
}

/** Appends at `from`, where an earlier run stopped. */
export async function fileSink(path: string, from: number): Promise<Sink & { sync(): Promise<void> }> {
  let file: FileHandle;
  try {
    file = await open(path, from === 0 ? 'w' : 'r+', 0o600);
    await file.truncate(from);
  } catch (cause) {
    throw new Failure('local', `cannot write ${path}`, { cause });
  }
  let at = from;
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at);
        done += bytesWritten;
        at += bytesWritten;
      }
    },
    sync: () => file.datasync(),
    async finish() {
      await file.sync();
      await file.close();
    },
    abort() {
      file.close().catch(() => undefined);
    },
  };
}

/** Decompresses into a file. */
export async function decompressToFile(path: string, decompress: Command): Promise<Sink> {
  let file: FileHandle;
  try {
    file = await open(path, 'w', 0o600);
  } catch (cause) {
    throw new Failure('local', `cannot write ${path}`, { cause });
  }
  const child = startProgram(decompress, { stdout: file.fd, kind: 'damaged' });
  return {
    write: (bytes) => feed(child, bytes),
    async finish() {
      child.endInput();
      await child.finished();
      await file.sync();
      await file.close();
    },
    abort() {
      child.kill();
      file.close().catch(() => undefined);
    },
  };
}

function childSink(child: Child): Sink {
  return {
    write: (bytes) => feed(child, bytes),
    finish() {
      child.endInput();
      return child.finished();
    },
    abort: () => {
      child.kill();
    },
  };
}

/** decompressor | tar */
function pipeline(decompress: Command, tar: Child): Sink {
  const unpack = startProgram(decompress, { stdout: 'pipe', kind: 'damaged' });
  const passed = (async () => {
    for await (const bytes of unpack.output as AsyncIterable<Uint8Array>) await feed(tar, bytes);
    tar.endInput();
  })();
  passed.catch(() => {
    unpack.kill();
  });
  const ended = async (): Promise<void> => {
    await passed;
    await unpack.finished();
    await tar.finished();
  };
  return {
    async write(bytes) {
      if (!(await unpack.write(bytes))) await ended();
    },
    finish() {
      unpack.endInput();
      return ended();
    },
    abort() {
      unpack.kill();
      tar.kill();
    },
  };
}
