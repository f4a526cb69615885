/** The engine on a Piscina pool of worker threads. */
import { createHash } from 'node:crypto';
import { Piscina } from 'piscina';
import type { CompressedChunk, CompressRequest } from '../compression/chunk.js';
import type { CompressedWhole, WholeToCompress } from '../compression/volume-compressor.js';
import { Failure } from '../errors.js';
import { SEAL_WORKER } from '../files.js';
import { DEFAULT_AEAD_CHUNK_BYTES, type VolumeLayout, volumeLayout } from '../openpgp/layout.js';
import { type AeadAlgorithm, checkAead, type OpenPgpProfile } from '../openpgp/profile.js';
import type { KeyFile } from '../openpgp/recipients.js';
import { s2kCountOctet } from '../openpgp/s2k.js';
import type { SessionKey } from '../openpgp/skesk.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import type { Engine, OpenedPart, OpenRequest, SealedMessage, SealedPart, SealRequest } from './engine.js';
import { checkRecipients, recipientPackets } from './key-thread.js';
import { type Lane, Lanes } from './lanes.js';
import { type Outcome, type ResultOf, revive, type Task, type TaskKind, type TaskOf } from './tasks.js';
import { THREAD_ARGUMENTS } from './thread-options.js';
import { VolumeKeys } from './volume-keys.js';

export interface EngineOptions {
  /** Threads that seal and compress. */
  readonly workers: number;
  readonly profile: OpenPgpProfile;
  readonly aead: AeadAlgorithm;
  /** Plaintext per part, a multiple of `aeadChunkBytes`. */
  readonly partBytes: number;
  /** Default 1 MiB. */
  readonly aeadChunkBytes?: number;
  /** Each opens every volume. Strings are taken as UTF-8. */
  readonly passwords: readonly (Uint8Array | string)[];
  /** Files with recipients' public keys; each key opens every volume. */
  readonly recipients?: readonly KeyFile[];
  /** Wall clock, ms since 1970, at which recipients' keys must be valid. Default: the system's. */
  readonly now?: () => number;
  /** Octets hashed to turn a passphrase into a key: 1024 to the default, 65,011,712, the most OpenPGP can say. */
  readonly s2kOctets?: number;
  /** How long one task may take before its worker counts as hung, ms. Default 10 minutes. */
  readonly taskTimeoutMs?: number;
  /** For tests: another worker module. */
  readonly workerFile?: URL;
}

/** Longest packets that a passphrase or a recipient (RSA of 16384 bits) can need. */
const PASSWORD_PACKET_BYTES = 128;
const RECIPIENT_PACKET_BYTES = 2304;

/** Of a worker's JavaScript heap; its buffers are not in there. */
const WORKER_HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

const TASK_TIMEOUT_MS = 600_000;

/** Session keys that are remembered. */
const MOST_OPENED = 1000;
/** Stands for a volume's number where a message is none. */
const MESSAGE = -1;
/** The literal data packet's header and length octets are fewer. */
const LITERAL_FRAMING_BYTES = 64;

/** `partBytes` of a volume whose only part holds so many bytes of data. */
function onePartFor(dataBytes: number, aeadChunkBytes: number): number {
  return Math.ceil(Math.max(1024, dataBytes + LITERAL_FRAMING_BYTES) / aeadChunkBytes) * aeadChunkBytes;
}

/** @throws Failure `config` where a recipient's key cannot be used, or there is nothing to encrypt to. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  checkAead(options.profile, options.aead);
  const files = options.recipients ?? [];
  const now = options.now ?? Date.now;
  const keyIds = files.length === 0 ? [] : await checkRecipients(files, now());
  if (options.passwords.length + keyIds.length === 0) {
    throw new Failure('config', 'nothing to encrypt to: neither a passphrase nor a recipient is configured');
  }
  return new PooledEngine(options, keyIds.length, now);
}

class PooledEngine implements Engine {
  readonly workers: number;
  readonly layout: VolumeLayout;
  readonly #options: EngineOptions;
  readonly #now: () => number;
  readonly #passwords: readonly Uint8Array[];
  readonly #pool: Piscina<Task, Outcome<unknown>>;
  /** One thread, which keeps the chains of `rfc4880`. */
  readonly #chain: Piscina<Task, Outcome<unknown>> | undefined;
  readonly #lanes: Lanes;
  readonly #keys: VolumeKeys;
  /** By key packet and passphrase: the volumes of a run share their packets, and each costs its time once. */
  readonly #opened = new Map<string, Promise<SessionKey | undefined>>();
  /** Some task may never settle. */
  #broken = false;

  constructor(options: EngineOptions, recipientKeys: number, now: () => number) {
    this.#options = options;
    this.#now = now;
    this.workers = options.workers;
    this.#passwords = options.passwords.map((password) => Uint8Array.from(Buffer.from(password)));
    this.layout = volumeLayout({
      profile: options.profile,
      aead: options.aead,
      partBytes: options.partBytes,
      aeadChunkBytes: options.aeadChunkBytes ?? DEFAULT_AEAD_CHUNK_BYTES,
      keyPacketReserve:
        PASSWORD_PACKET_BYTES * this.#passwords.length + RECIPIENT_PACKET_BYTES * recipientKeys,
    });
    this.#lanes = new Lanes(options.workers);
    this.#keys = new VolumeKeys({
      profile: options.profile,
      aead: options.aead,
      shared: this.#passwords.length > 0,
      keyPackets: (sessionKeys) => this.#keyPackets(sessionKeys),
    });
    const chained = options.profile === 'rfc4880';
    this.#pool = this.#newPool(chained ? Math.max(1, options.workers - 1) : options.workers);
    this.#chain = chained ? this.#newPool(1) : undefined;
  }

  #newPool(threads: number): Piscina<Task, Outcome<unknown>> {
    const pool = new Piscina<Task, Outcome<unknown>>({
      filename: (this.#options.workerFile ?? SEAL_WORKER).href,
      minThreads: threads,
      maxThreads: threads,
      resourceLimits: WORKER_HEAP,
      execArgv: THREAD_ARGUMENTS,
    });
    // Raised when a worker dies with no task in hand; it may not have come up at all, and then tasks would wait for ever.
    pool.on('error', (error: unknown) => {
      this.#broken = true;
      this.#lanes.stop(workerDeath(error, 'between two tasks'), true);
    });
    return pool;
  }

  newVolume(): Promise<VolumeSecrets> {
    return this.#keys.next();
  }

  async #keyPackets(sessionKeys: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const { profile, aead, s2kOctets, recipients } = this.#options;
    const countOctet = s2kCountOctet(s2kOctets ?? Infinity);
    const [forPasswords, forRecipients] = await Promise.all([
      Promise.all(sessionKeys.map((sessionKey) => this.#passwordPackets(sessionKey, countOctet))),
      recipients === undefined || recipients.length === 0
        ? []
        : recipientPackets(profile, aead, recipients, sessionKeys, this.#now()),
    ]);
    return sessionKeys.map((_, index) => {
      // Recipients first, as gpg writes them: it would ask for a passphrase before it looks for a secret key.
      const keyPackets = Uint8Array.from(
        Buffer.concat([forRecipients[index] ?? new Uint8Array(0), ...(forPasswords[index] ?? [])]),
      );
      if (keyPackets.length > this.layout.shape.keyPacketReserve) {
        throw new Failure('internal', `key packets of ${keyPackets.length} bytes do not fit their reserve`);
      }
      return keyPackets;
    });
  }

  async #passwordPackets(sessionKey: Uint8Array, countOctet: number): Promise<readonly Uint8Array[]> {
    if (this.#passwords.length === 0) return [];
    const task = {
      kind: 'passwordPackets',
      profile: this.#options.profile,
      sessionKey,
      passwords: this.#passwords,
      s2kCountOctet: countOctet,
    } as const;
    const { packets } = await this.#lanes.run('seal', () => this.#run(this.#pool, task, []));
    return packets;
  }

  async seal(request: SealRequest): Promise<SealedPart> {
    const buffer = take(request.buffer);
    const lane: Lane = this.#chain === undefined ? 'seal' : 'chain';
    const sealed = await this.#lanes.run(lane, () => {
      // The chain is the bottleneck: where a worker is idle, it takes the SHA-1.
      const beside = this.#chain !== undefined && this.#lanes.idle;
      const task = { ...request, kind: 'seal', shape: this.layout.shape, buffer, hash: !beside } as const;
      return this.#run(this.#chain ?? this.#pool, task, [buffer]);
    });
    const { bytes, digest } = sealed;
    if (sealed.sha1 !== '') return { buffer: sealed.buffer, offset: 0, bytes, sha1: sealed.sha1, digest };
    const hashed = await this.#lanes.run('seal', () =>
      this.#run(this.#pool, { kind: 'hash', buffer: sealed.buffer, bytes }, [sealed.buffer]),
    );
    return { buffer: hashed.buffer, offset: 0, bytes, sha1: hashed.sha1, digest };
  }

  async sealMessage(data: Uint8Array): Promise<SealedMessage> {
    const secrets = await this.newVolume();
    const shape = {
      ...this.layout.shape,
      literal: 'text' as const,
      partBytes: onePartFor(data.length, this.layout.shape.aeadChunkBytes),
    };
    const { bufferBytes, dataOffset } = volumeLayout(shape);
    const buffer = new ArrayBuffer(bufferBytes);
    new Uint8Array(buffer).set(data, dataOffset);
    const task = {
      kind: 'seal',
      shape,
      secrets,
      volume: MESSAGE,
      part: 0,
      last: true,
      buffer,
      dataBytes: data.length,
      digestKey: undefined,
      hash: true,
    } as const;
    const lane: Lane = this.#chain === undefined ? 'seal' : 'chain';
    const sealed = await this.#lanes.run(lane, () => this.#run(this.#chain ?? this.#pool, task, [buffer]));
    return { bytes: new Uint8Array(sealed.buffer, 0, sealed.bytes), sha1: sealed.sha1 };
  }

  async open(request: OpenRequest): Promise<OpenedPart> {
    const buffer = take(request.buffer);
    const task = { ...request, kind: 'open', buffer } as const;
    return this.#lanes.run('seal', () => this.#run(this.#pool, task, [buffer]));
  }

  openSkesk(body: Uint8Array, passphrase: Uint8Array): Promise<SessionKey | undefined> {
    const id = createHash('sha256').update(`${body.length} `).update(body).update(passphrase).digest('hex');
    let opened = this.#opened.get(id);
    if (opened === undefined) {
      opened = this.#openSkesk(body, passphrase);
      if (this.#opened.size >= MOST_OPENED) this.#opened.clear();
      this.#opened.set(id, opened);
      opened.catch(() => this.#opened.delete(id));
    }
    return opened;
  }

  async #openSkesk(body: Uint8Array, passphrase: Uint8Array): Promise<SessionKey | undefined> {
    // Views would take the whole buffer behind them along.
    const task = { kind: 'openSkesk', body: body.slice(), passphrase: Uint8Array.from(passphrase) } as const;
    const { opened } = await this.#lanes.run('seal', () => this.#run(this.#pool, task, []));
    return opened;
  }

  async compress(request: CompressRequest): Promise<CompressedChunk> {
    const input = take(request.input);
    const output = take(request.output);
    const task = { ...request, kind: 'compress', input, output } as const;
    return this.#lanes.run('compress', () => this.#run(this.#pool, task, [input, output]));
  }

  async compressWhole(request: WholeToCompress): Promise<CompressedWhole> {
    const buffer = take(request.buffer);
    const output = take(request.output);
    const task = { ...request, kind: 'compressWhole', buffer, output } as const;
    return this.#lanes.run('compress', () => this.#run(this.#pool, task, [buffer, output]));
  }

  async fingerprint(
    key: Uint8Array,
    moved: ArrayBuffer,
    offset: number,
  ): Promise<{ readonly buffer: ArrayBuffer; readonly digest: string }> {
    const buffer = take(moved);
    const task = { kind: 'fingerprint', key, buffer, offset } as const;
    return this.#lanes.run('seal', () => this.#run(this.#pool, task, [buffer]));
  }

  async #run<K extends TaskKind>(
    pool: Piscina<Task, Outcome<unknown>>,
    task: TaskOf<K> & { readonly kind: K },
    transferList: ArrayBuffer[],
  ): Promise<ResultOf<K>> {
    // V8 has been seen to turn in circles at its heap limit instead of giving up: a worker that hangs must not hang the archive.
    const timeoutMs = this.#options.taskTimeoutMs ?? TASK_TIMEOUT_MS;
    const watch = setTimeout(() => {
      this.#broken = true;
      const seconds = Math.round(timeoutMs / 1000);
      this.#lanes.stop(
        new Failure('internal', `a worker thread has hung for ${seconds} s ${DOING[task.kind]}`),
        true,
      );
    }, timeoutMs);
    let outcome: Outcome<unknown>;
    try {
      outcome = await pool.run(task, { transferList });
    } catch (error) {
      throw workerDeath(error, DOING[task.kind]);
    } finally {
      clearTimeout(watch);
    }
    if (!outcome.ok) throw revive(outcome.failure);
    return outcome.value as ResultOf<K>;
  }

  async close(): Promise<void> {
    this.#lanes.stop(new Failure('interrupted', 'the worker pool is closed'), false);
    // A worker that hangs, or never came up, would be waited for.
    const end = (pool: Piscina<Task, Outcome<unknown>> | undefined) =>
      this.#broken ? pool?.destroy() : pool?.close();
    await Promise.all([end(this.#pool), end(this.#chain)]);
  }
}

const DOING: Readonly<Record<TaskKind, string>> = {
  seal: 'while sealing a part',
  hash: 'while hashing a part',
  fingerprint: 'while hashing a volume',
  open: 'while opening a part',
  compress: 'while compressing',
  compressWhole: 'while compressing a volume',
  passwordPackets: 'while making key packets',
  openSkesk: 'while opening a key packet',
};

function workerDeath(error: unknown, when: string): Failure {
  const { message, code }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new Failure('local', `a worker thread ran out of memory ${when}`, { cause: error });
  }
  return new Failure('internal', `a worker thread died ${when}: ${message}`, { cause: error });
}

/** The buffer's memory under a new object; the caller's is detached at once, not only when a worker takes the task. */
function take(buffer: ArrayBuffer): ArrayBuffer {
  return structuredClone(buffer, { transfer: [buffer] });
}
