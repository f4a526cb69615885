/** Where a restored archive goes: through the decompressor into tar, a file, or standard output. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { Failure } from '../errors.js';
import { Child } from './child.js';

export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** Everything is written, flushed and accepted. @throws Failure */
  finish(): Promise<void>;
  abort(): void;
}

/** @param decompress the command's words; undefined: the bytes are the tar already */
export function tarSink(
  directory: string,
  paths: readonly string[],
  decompress: readonly string[] | undefined,
): Sink {
  return pipeline(decompress, 'tar', ['-xpf', '-', '-C', directory, '--', ...paths]);
}

export function stdoutSink(
  decompress: readonly string[] | undefined,
  stdout: Writable = process.stdout,
): Sink {
  const [program, ...words] = decompress ?? [];
  if (program !== undefined)
    return childSink(new Child({ program, words, stdout: 'inherit', kind: 'damaged' }));
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
export async function decompressToFile(path: string, decompress: readonly string[]): Promise<Sink> {
  const [program = '', ...words] = decompress;
  let file: FileHandle;
  try {
    file = await open(path, 'w', 0o600);
  } catch (cause) {
    throw new Failure('local', `cannot write ${path}`, { cause });
  }
  const child = new Child({ program, words, stdout: file.fd, kind: 'damaged' });
  return {
    write: (bytes) => child.write(bytes),
    async finish() {
      await child.finish();
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
    write: (bytes) => child.write(bytes),
    finish: () => child.finish(),
    abort: () => {
      child.kill();
    },
  };
}

/** [decompressor |] tar. The two are joined by the system, so that the tar does not pass through this process. */
function pipeline(
  decompress: readonly string[] | undefined,
  program: string,
  words: readonly string[],
): Sink {
  const tar = new Child({ program, words, stdout: 'inherit', kind: 'local' });
  const [unpacker, ...unpackerWords] = decompress ?? [];
  if (unpacker === undefined) return childSink(tar);
  const unpack = new Child({ program: unpacker, words: unpackerWords, stdout: tar, kind: 'damaged' });
  const ended = async (): Promise<void> => {
    const [unpacked, extracted] = await Promise.allSettled([unpack.closed(), tar.closed()]);
    // When tar ends early the decompressor dies of it; when the decompressor fails tar misses the rest.
    const first = unpack.signalled ? [extracted, unpacked] : [unpacked, extracted];
    for (const outcome of first) if (outcome.status === 'rejected') throw outcome.reason;
  };
  return {
    async write(bytes) {
      await unpack.write(bytes).catch(ended);
    },
    async finish() {
      unpack.stdin.end();
      await ended();
    },
    abort() {
      unpack.kill();
      tar.kill();
    },
  };
}
