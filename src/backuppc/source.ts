/** Where the tar comes from: BackupPC_tarCreate, any command, or standard input. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createReadStream, fstatSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asFailure, errorCode, Failure } from '../errors.js';
import type { Emit } from '../events.js';
import { BorrowedReader } from '../pipes/borrowed-reader.js';
import type { SourceEnd } from './completeness.js';
import { commandOf, type Argument } from './octets.js';
import { parseDoneLine, type DoneLine } from './done-line.js';
import { MessageLines } from './message-lines.js';
import { connectedPair } from '../pipes/stream-pair.js';

export interface TarSource {
  /**
   * The stream, pulled. A slice is lent: its bytes are valid until the next one is asked for. Can be iterated once.
   * Ends when the source ends, for whatever reason: check `ended` before trusting it.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** After `bytes` has ended: how the source ended. Never rejects for a source that failed. */
  ended(): Promise<SourceEnd>;
  /** End the source early: SIGTERM, then SIGKILL after `graceMs`; resolves when it has gone. `bytes` ends. Can be called at any time, repeatedly. */
  stop(graceMs?: number): Promise<void>;
}

export interface TarCreateOptions {
  readonly tarCreatePath: string;
  readonly host: string;
  readonly number: number;
  readonly share: Argument;
}

/** How long to wait for output after a program has exited: a grandchild may hold its standard error open for ever. */
const LAST_WORDS_MS = 1000;
const GRACE_MS = 300;

/** Run `tarCreate -t -h HOST -n NUM -s SHARE .`, without a shell. @throws Failure `source` when it cannot be started. */
export function openTarCreate(options: TarCreateOptions, emit: Emit): Promise<TarSource> {
  const { tarCreatePath, host, number, share } = options;
  const args = ['-t', '-h', host, '-n', String(number), '-s', share, '.'];
  // Extended attributes come in the order of a Perl hash. It is fixed here, so that a rerun sees the same bytes.
  const env = { ...process.env, PERL_HASH_SEED: '0', PERL_PERTURB_KEYS: '0' };
  return openProcess('tar-create', 'tarCreate', tarCreatePath, args, env, emit);
}

/** Runs `command[0]` with its arguments, without a shell. Its output is complete only if it exits 0. @throws Failure `source` */
export function openCommand(command: readonly [string, ...Argument[]], emit: Emit): Promise<TarSource> {
  const [program, ...args] = command;
  return openProcess('command', basename(program), program, args, process.env, emit);
}

/** This process's standard input. Nothing tells whether its writer succeeded. */
export function openStdin(): TarSource {
  const end: SourceEnd = {
    kind: 'stdin',
    name: 'standard input',
    status: null,
    signal: null,
    messages: [],
    done: undefined,
  };
  const stat = fstatSync(0);
  if (stat.isFIFO() || stat.isSocket()) {
    const reader = BorrowedReader.ofDescriptor(0);
    return {
      bytes: reader,
      ended: () => Promise.resolve(end),
      stop: () => {
        reader.destroy();
        return Promise.resolve();
      },
    };
  }
  const file = createReadStream('', { fd: 0, autoClose: false, highWaterMark: 512 * 1024 });
  return {
    bytes: file,
    ended: () => Promise.resolve(end),
    stop: () => {
      file.destroy();
      return Promise.resolve();
    },
  };
}

async function openProcess(
  kind: 'tar-create' | 'command',
  name: string,
  program: string,
  args: readonly Argument[],
  env: NodeJS.ProcessEnv,
  emit: Emit,
): Promise<TarSource> {
  const reader = new BorrowedReader();
  const pair = await connectedPair(reader.onread);
  let child: ChildProcess;
  try {
    reader.attach(pair.ours);
    child = spawn(...commandOf(program, args), { env, stdio: ['ignore', pair.theirs, 'pipe'] });
    await started(child);
  } catch (thrown) {
    reader.destroy();
    throw cannotRun(program, thrown);
  } finally {
    // The child has its own copy; ours would keep the stream open after the child's end.
    pair.theirs.destroy();
  }
  return new ProcessSource(kind, name, child, reader, emit);
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

function cannotRun(program: string, thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = errorCode(thrown);
  const why =
    code === 'ENOENT'
      ? 'there is no such program (or its interpreter is missing)'
      : code === 'EACCES'
        ? 'not executable'
        : asFailure(thrown).message;
  return new Failure('source', `cannot run ${program}: ${why}`, {
    hint: 'check the path and its permissions',
    cause: thrown,
  });
}

class ProcessSource implements TarSource {
  readonly bytes: BorrowedReader;
  readonly #kind: 'tar-create' | 'command';
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: MessageLines;
  readonly #exited: Promise<void>;
  readonly #saidAll: Promise<void>;
  #done: DoneLine | undefined;

  constructor(
    kind: 'tar-create' | 'command',
    name: string,
    child: ChildProcess,
    reader: BorrowedReader,
    emit: Emit,
  ) {
    this.#kind = kind;
    this.#name = name;
    this.#child = child;
    this.bytes = reader;
    this.#lines = new MessageLines((line) => {
      this.#done = parseDoneLine(line) ?? this.#done;
      if (line !== '') emit({ type: 'source-message', line });
    });
    // A later failure of the process object (a signal that could not be sent) must not become an uncaught error.
    child.on('error', () => undefined);
    this.#exited = new Promise((resolve) =>
      child.once('exit', () => {
        resolve();
      }),
    );
    this.#saidAll = new Promise((resolve) => {
      child.stderr?.on('data', (bytes: Buffer) => {
        this.#lines.push(bytes);
      });
      child.stderr?.once('error', () => {
        resolve();
      });
      child.stderr?.once('close', () => {
        resolve();
      });
    });
  }

  async ended(): Promise<SourceEnd> {
    await this.#exited;
    await this.#lastWords();
    const { exitCode, signalCode } = this.#child;
    return {
      kind: this.#kind,
      name: this.#name,
      status: exitCode,
      signal: signalCode,
      messages: this.#lines.kept,
      done: this.#done,
    };
  }

  async stop(graceMs = GRACE_MS): Promise<void> {
    this.bytes.destroy();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
      await this.#exited;
      clearTimeout(timer);
    }
    this.#child.stderr?.destroy();
  }

  async #lastWords(): Promise<void> {
    const patience = new AbortController();
    const tooLong = delay(LAST_WORDS_MS, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([this.#saidAll, tooLong]);
    patience.abort();
    this.#lines.end();
    this.#child.stderr?.destroy();
  }
}
