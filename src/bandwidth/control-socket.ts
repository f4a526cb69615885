import { readdir, unlink } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { asFailure, errorCode, EXIT_STATUS, Failure, oneLine } from '../errors.js';
import type { FailureKind } from '../errors.js';

/**
 * How a command talks to a running archive of this machine: a Unix socket, one JSON object per line in each direction.
 * Request `{"command": NAME, …}`; answer `{"ok": true, "result": …}` or `{"ok": false, "kind": …, "message": …, "hint": …}`.
 * Anyone who may open the socket (mode 0600) may send requests.
 */
export interface ControlRequest {
  readonly command: string;
  readonly [argument: string]: unknown;
}

/** Answers a command with any JSON value. A thrown `Failure` reaches the other side as a `Failure`. */
export type ControlHandler = (request: ControlRequest) => unknown;

type Answer =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly kind: FailureKind;
      readonly message: string;
      readonly hint?: string | undefined;
    };

const SUFFIX = '.sock';
const NEWLINE = 0x0a;
/** `sun_path` of Linux is 108 bytes with its final zero (unix(7)); 104 elsewhere. */
const MAX_PATH_BYTES = 103;
const MAX_REQUEST_CHARACTERS = 64 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_MESSAGE_CHARACTERS = 1000;

/**
 * Serves commands on `path` until closed. Replaces a socket left behind by a dead process.
 *
 * @throws Failure `locked` if a live process serves there, `local` if the socket cannot be created
 */
export async function serveControl(
  path: string,
  handlers: Readonly<Record<string, ControlHandler>>,
): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new Failure('config', `control socket ${path}: the path is longer than ${MAX_PATH_BYTES} bytes`, {
      hint: 'choose a shorter state directory',
    });
  }
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    converse(socket, handlers).catch(() => socket.destroy());
  });
  try {
    await listen(server, path);
  } catch (error) {
    if (!isCode(error, 'EADDRINUSE')) throw asFailure(error, 'local');
    if (await isServed(path))
      throw new Failure('locked', `control socket ${path}: a running archive serves there`);
    await unlink(path).catch(() => undefined);
    await listen(server, path).catch((again: unknown) => {
      throw asFailure(again, 'local');
    });
  }
  // The socket alone must not keep the process running.
  server.unref();
  return {
    close: () =>
      new Promise((resolve) => {
        // Node removes the socket's file.
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/**
 * Sends one request and returns the result. Anybody who could create that socket may have sent it, so it is unchecked.
 *
 * @param timeoutMs for the whole answer
 * @throws Failure `notFound` if nothing serves there, `unavailable` if no answer came, or what the handler threw
 */
export async function askControl(path: string, request: ControlRequest, timeoutMs = 5000): Promise<unknown> {
  const socket = createConnection(path);
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Failure('unavailable', `the archive at ${path} does not answer`));
      }, timeoutMs);
      socket.once('error', (error) => {
        reject(
          isCode(error, 'ENOENT') || isCode(error, 'ECONNREFUSED')
            ? new Failure('notFound', 'no archive is running on this machine', { cause: error })
            : asFailure(error, 'local'),
        );
      });
      socket.once('close', () => {
        reject(new Failure('unavailable', `the archive at ${path} ended before it answered`));
      });
      let received = Buffer.alloc(0);
      socket.on('data', (bytes) => {
        const end = bytes.indexOf(NEWLINE);
        received = Buffer.concat([received, end === -1 ? bytes : bytes.subarray(0, end)]);
        if (received.length > MAX_ANSWER_BYTES)
          reject(new Failure('unavailable', `the answer at ${path} is too long`));
        else if (end !== -1) resolve(received.toString('utf8'));
      });
      socket.write(`${JSON.stringify(request)}\n`);
    });
    const parsed = asAnswer(answer);
    if (parsed === undefined)
      throw new Failure('unavailable', `what answers at ${path} is not an archive of this program`);
    if (parsed.ok) return parsed.result;
    throw new Failure(parsed.kind, parsed.message, parsed.hint === undefined ? {} : { hint: parsed.hint });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function asAnswer(line: string): Answer | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { ok, result, kind, message, hint } = parsed as Readonly<Record<string, unknown>>;
  if (ok === true) return { ok, result };
  if (typeof kind !== 'string' || !Object.hasOwn(EXIT_STATUS, kind) || kind === 'ok') return undefined;
  if (typeof message !== 'string') return undefined;
  return {
    ok: false,
    kind: kind as FailureKind,
    message: oneLine(message.slice(0, MAX_MESSAGE_CHARACTERS)),
    ...(typeof hint === 'string' ? { hint: oneLine(hint.slice(0, MAX_MESSAGE_CHARACTERS)) } : {}),
  };
}

/** The control sockets in a directory, including those of dead processes; empty if there is no such directory. */
export async function controlSockets(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => name.endsWith(SUFFIX))
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return [];
    throw asFailure(error, 'local');
  }
}

async function converse(socket: Socket, handlers: Readonly<Record<string, ControlHandler>>): Promise<void> {
  let pending = 0;
  socket.on('data', (data) => {
    pending = data.includes(NEWLINE) ? 0 : pending + data.length;
    if (pending > MAX_REQUEST_CHARACTERS) socket.destroy();
  });
  const lines = createInterface({ input: socket });
  lines.on('error', () => socket.destroy());
  for await (const line of lines) {
    const answer = await answerTo(line, handlers);
    if (!socket.writable) return;
    socket.write(`${JSON.stringify(answer)}\n`);
  }
}

async function answerTo(line: string, handlers: Readonly<Record<string, ControlHandler>>): Promise<Answer> {
  try {
    const request = asRequest(line);
    const handler = Object.hasOwn(handlers, request.command) ? handlers[request.command] : undefined;
    if (handler === undefined)
      throw new Failure('usage', `the running archive knows no command "${request.command}"`);
    return { ok: true, result: (await handler(request)) ?? null };
  } catch (error) {
    const { kind, message, hint } = asFailure(error);
    return { ok: false, kind, message, hint };
  }
}

function asRequest(line: string): ControlRequest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new Failure('usage', 'the request is not JSON', { cause: error });
  }
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    !('command' in parsed) ||
    typeof parsed.command !== 'string'
  ) {
    throw new Failure('usage', 'the request names no command');
  }
  return parsed as ControlRequest;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // `listen` creates the file before it returns: nobody else can open it even for a moment.
    const mask = process.umask(0o177);
    try {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

/** Whether a live process serves there. */
export function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      resolve(!isCode(error, 'ECONNREFUSED') && !isCode(error, 'ENOENT'));
    });
  });
}

function isCode(error: unknown, code: string): boolean {
  return errorCode(error) === code;
}
