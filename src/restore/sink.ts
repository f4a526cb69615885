/** Where a restored archive goes: into tar, a file, or standard output. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { cannotWrite, errorCode, Failure, OutputClosed } from '../errors.js';
import { checkOwner } from '../own-files.js';
import { standardOutput } from '../pipes/standard-output.js';
import { startProgram } from './stock-program.js';
import { TarMessages } from './tar-messages.js';

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

export interface Sink {
  /** `bytes` may be reused when this resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything is written, flushed and accepted. @throws Failure */
  finish(): Promise<void>;
  /** The restore failed: nothing more comes. */
  abort(): Promise<void>;
}

/** The same sink; `onWritten` learns how many bytes each write took. */
export function toldSink(sink: Sink, onWritten: (bytes: number) => void): Sink {
  return {
    ...sink,
    async write(bytes) {
      await sink.write(bytes);
      onWritten(bytes.length);
    },
  };
}

export interface TarSink extends Sink {
  /** Whether it was finished, and tar went through everything, whatever it says of single members. */
  readonly wentThrough: boolean;
}

export interface TarSinkOptions {
  /** Members to pick; empty: all. */
  readonly paths: readonly string[];
  /** What messages call the directory. */
  readonly shownAs: string;
  /** Sees what tar says, line by line. */
  readonly onLine: (line: string) => void;
}

export function tarSink(directory: string, { paths, shownAs, onLine }: TarSinkOptions): TarSink {
  const words = ['-xpf', '-', '-C', directory, '--', ...paths];
  return extractingSink(words, new TarMessages(shownAs), onLine);
}

/** The contents of files to standard output. */
export function contentsSink(paths: readonly string[], onLine: (line: string) => void): Sink {
  return extractingSink(['-xOf', '-', '--', ...paths], new TarMessages('standard output'), onLine);
}

function extractingSink(
  words: readonly string[],
  messages: TarMessages,
  onLine: (line: string) => void,
): TarSink {
  const tar = startProgram(['tar', ...words], {
    stdout: 'inherit',
    kind: 'local',
    onLine(line) {
      if (messages.add(line)) onLine(line);
    },
  });
  let wentThrough = false;
  const finished = async (): Promise<void> => {
    const end = await tar.ended;
    if (end.kind === 'exited' && end.status !== 0) {
      wentThrough = messages.onlyOfMembers;
      throw messages.failure(end.status);
    }
    if (end.kind === 'signalled' && end.by === 'SIGPIPE') throw new OutputClosed();
    if (end.kind === 'signalled' && end.by === 'SIGXFSZ') throw cannotWrite(messages.target, tooLarge());
    await tar.finished();
    wentThrough = true;
  };
  let ended = false;
  let gotAll = false;
  return {
    async write(bytes) {
      if (ended || (await tar.write(bytes))) return;
      // tar stops reading at the end mark: ignore what follows.
      await finished();
      ended = true;
    },
    finish() {
      gotAll = true;
      tar.endInput();
      return finished();
    },
    async abort() {
      tar.kill();
      await tar.ended;
    },
    get wentThrough() {
      return gotAll && wentThrough;
    },
  };
}

function tooLarge(): Error {
  return Object.assign(new Error('file too large'), { code: 'EFBIG' });
}

export function stdoutSink(stdout: Writable = standardOutput()): Sink {
  let broken: Failure | undefined;
  stdout.on('error', (cause) => {
    const closed = errorCode(cause) === 'EPIPE' || errorCode(cause) === 'EBADF';
    broken ??= closed ? new OutputClosed() : cannotWrite('standard output', cause);
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

/**
 * Appends at `from`, where an earlier run stopped. In a directory of others somebody may have put something of theirs under the name: it is
 * refused. @throws Failure `local`
 */
export async function fileSink(path: string, from: number): Promise<Sink & { sync(): Promise<void> }> {
  let file: FileHandle;
  try {
    file = await open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | (from === 0 ? O_CREAT : 0), 0o600);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  try {
    await checkOwner(file, path);
    await file.truncate(from);
  } catch (cause) {
    await file.close();
    throw cause instanceof Failure ? cause : cannotWrite(path, cause);
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
