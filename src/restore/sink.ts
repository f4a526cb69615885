/** Where a restored archive goes: into tar, a file, or standard output. */
import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { cannotWrite, errorCode, type Failure, OutputClosed } from '../errors.js';
import { standardOutput } from '../pipes/standard-output.js';
import { startProgram } from './stock-program.js';
import { TarMessages } from './tar-messages.js';

export interface Sink {
  /** `bytes` may be reused when this resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything is written, flushed and accepted. @throws Failure */
  finish(): Promise<void>;
  /** The restore failed: nothing more comes. */
  abort(): Promise<void>;
}

/** @param onLine called for each line that tar prints */
export function tarSink(directory: string, paths: readonly string[], onLine: (line: string) => void): Sink {
  return extractingSink(['-xpf', '-', '-C', directory, '--', ...paths], new TarMessages(directory), onLine);
}

/** The contents of files to standard output. */
export function contentsSink(paths: readonly string[], onLine: (line: string) => void): Sink {
  return extractingSink(['-xOf', '-', '--', ...paths], new TarMessages('standard output'), onLine);
}

function extractingSink(
  words: readonly string[],
  messages: TarMessages,
  onLine: (line: string) => void,
): Sink {
  const tar = startProgram(['tar', ...words], {
    stdout: 'inherit',
    kind: 'local',
    onLine(line) {
      messages.add(line);
      onLine(line);
    },
  });
  const finished = async (): Promise<void> => {
    const end = await tar.ended;
    if (end.kind === 'exited' && end.status !== 0) throw messages.failure(end.status);
    if (end.kind === 'signalled' && end.by === 'SIGPIPE') throw new OutputClosed();
    if (end.kind === 'signalled' && end.by === 'SIGXFSZ') throw cannotWrite(messages.target, tooLarge());
    await tar.finished();
  };
  let ended = false;
  return {
    async write(bytes) {
      if (ended || (await tar.write(bytes))) return;
      // tar stops reading at the end mark: ignore what follows.
      await finished();
      ended = true;
    },
    finish() {
      tar.endInput();
      return finished();
    },
    async abort() {
      tar.kill();
      await tar.ended;
    },
  };
}

function tooLarge(): Error {
  return Object.assign(new Error('file too large'), { code: 'EFBIG' });
}

export function stdoutSink(stdout: Writable = standardOutput()): Sink {
  let broken: Failure | undefined;
  stdout.on('error', (cause) => {
    broken ??= errorCode(cause) === 'EPIPE' ? new OutputClosed() : cannotWrite('standard output', cause);
  });
  return {
    async write(bytes) {
      // Until this resolves `bytes` must not change; the socket's own buffer is enough ahead.
      await new Promise<void>((resolve) => {
        stdout.write(bytes, () => {
          resolve();
        });
      });
      if (broken !== undefined) throw broken;
    },
    finish: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
}

/** Appends at `from`, where an earlier run stopped. @throws Failure `local` */
export async function fileSink(path: string, from: number): Promise<Sink & { sync(): Promise<void> }> {
  let file: FileHandle;
  try {
    file = await open(path, from === 0 ? 'w' : 'r+', 0o600);
    await file.truncate(from);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  const orFail = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw cannotWrite(path, cause);
    }
  };
  let at = from;
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await orFail(file.write(bytes, done, bytes.length - done, at));
        done += bytesWritten;
        at += bytesWritten;
      }
    },
    sync: () => orFail(file.datasync()),
    async finish() {
      await orFail(file.sync());
      await orFail(file.close());
    },
    async abort() {
      await file.close().catch(() => undefined);
    },
  };
}

/** A pipe with a name, a tape: no seeking, and nothing to rename. @throws Failure `local` */
export async function deviceSink(path: string): Promise<Sink> {
  const orFail = (cause: unknown): never => {
    throw cannotWrite(path, cause);
  };
  const file = await open(path, 'w').catch(orFail);
  return {
    async write(bytes) {
      for (let done = 0; done < bytes.length;)
        done += (await file.write(bytes, done).catch(orFail)).bytesWritten;
    },
    async finish() {
      await file.close().catch(orFail);
    },
    async abort() {
      await file.close().catch(() => undefined);
    },
  };
}
