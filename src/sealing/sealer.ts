/** Seals parts and whole messages in worker threads, under secrets of its own making. */
import { Failure } from '../errors.js';
import { compressedText } from '../openpgp/compressed.js';
import { DEFAULT_AEAD_CHUNK_BYTES, type VolumeLayout, volumeLayout } from '../openpgp/layout.js';
import { type AeadAlgorithm, checkAead, type OpenPgpProfile } from '../openpgp/profile.js';
import type { KeyFile } from '../openpgp/recipients.js';
import { s2kCountOctet } from '../openpgp/s2k.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import { keyThread } from './key-thread.js';
import type { Lane } from './lanes.js';
import type { SealedMessage, SealedPart, Sealer, SealRequest } from './ports.js';
import { VolumeKeys } from './volume-keys.js';
import { take, WorkerPool, type WorkerPoolOptions } from './worker-pool.js';

export interface SealerOptions extends Omit<WorkerPoolOptions, 'chained'> {
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
  /** Octets hashed to turn a passphrase into a key: from 1024 to 65,011,712, which is the default and the most OpenPGP allows. */
  readonly s2kOctets?: number;
}

/** Longest packets that a passphrase or a recipient (RSA of 16384 bits) can need. */
const PASSWORD_PACKET_BYTES = 128;
const RECIPIENT_PACKET_BYTES = 2304;

/** Stands for the volume number of a message, which has none. */
const MESSAGE = -1;
/** The literal data packet's header and length octets are fewer. */
const LITERAL_FRAMING_BYTES = 64;

/** `partBytes` of a volume whose only part holds so many bytes of data. */
function onePartFor(dataBytes: number, aeadChunkBytes: number): number {
  return Math.ceil(Math.max(1024, dataBytes + LITERAL_FRAMING_BYTES) / aeadChunkBytes) * aeadChunkBytes;
}

/** @throws Failure `config` where a recipient's key cannot be used, or there is nothing to encrypt to */
export async function createSealer(options: SealerOptions): Promise<Sealer> {
  checkAead(options.profile, options.aead);
  const files = options.recipients ?? [];
  const now = options.now ?? Date.now;
  const keyIds = files.length === 0 ? [] : await keyThread.checkRecipients(files, now());
  if (options.passwords.length + keyIds.length === 0) {
    throw new Failure('config', 'nothing to encrypt to: neither a passphrase nor a recipient is configured');
  }
  return new PoolSealer(options, keyIds.length, now);
}

class PoolSealer implements Sealer {
  readonly pool: WorkerPool;
  readonly layout: VolumeLayout;
  readonly #options: SealerOptions;
  readonly #now: () => number;
  readonly #passwords: readonly Uint8Array[];
  readonly #lane: Lane;
  readonly #keys: VolumeKeys;

  constructor(options: SealerOptions, recipientKeys: number, now: () => number) {
    this.#options = options;
    this.#now = now;
    this.#passwords = options.passwords.map((password) => Uint8Array.from(Buffer.from(password)));
    this.layout = volumeLayout({
      profile: options.profile,
      aead: options.aead,
      partBytes: options.partBytes,
      aeadChunkBytes: options.aeadChunkBytes ?? DEFAULT_AEAD_CHUNK_BYTES,
      keyPacketReserve:
        PASSWORD_PACKET_BYTES * this.#passwords.length + RECIPIENT_PACKET_BYTES * recipientKeys,
    });
    this.#keys = new VolumeKeys({
      profile: options.profile,
      aead: options.aead,
      shared: this.#passwords.length > 0,
      keyPackets: (sessionKeys) => this.#keyPackets(sessionKeys),
    });
    const chained = options.profile === 'rfc4880';
    this.#lane = chained ? 'chain' : 'seal';
    this.pool = new WorkerPool({ ...options, chained });
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
        : keyThread.recipientPackets(profile, aead, recipients, sessionKeys, this.#now()),
    ]);
    return sessionKeys.map((_, index) => {
      // Recipients first, as gpg writes them: otherwise gpg asks for a passphrase before it looks for a secret key.
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
    const { packets } = await this.pool.run('seal', () => task, []);
    return packets;
  }

  async seal(request: SealRequest): Promise<SealedPart> {
    const { pool } = this;
    const buffer = take(request.buffer);
    const { shape } = this.layout;
    const sealed = await pool.run(
      this.#lane,
      () => {
        // The chain is the bottleneck: if a worker is idle, that one computes the SHA-1.
        const hash = !(this.#lane === 'chain' && pool.idle);
        return { ...request, kind: 'seal', shape, buffer, hash };
      },
      [buffer],
    );
    const { bytes, digest } = sealed;
    if (sealed.sha1 !== '') return { buffer: sealed.buffer, offset: 0, bytes, sha1: sealed.sha1, digest };
    const toHash = { kind: 'hash', buffer: sealed.buffer, bytes } as const;
    const hashed = await pool.run('seal', () => toHash, [sealed.buffer]);
    return { buffer: hashed.buffer, offset: 0, bytes, sha1: hashed.sha1, digest };
  }

  async sealMessage(data: Uint8Array): Promise<SealedMessage> {
    const secrets = await this.newVolume();
    const body = await compressedText(data);
    const shape = {
      ...this.layout.shape,
      partBytes: onePartFor(body.length, this.layout.shape.aeadChunkBytes),
      inner: 'compressed',
    } as const;
    const { bufferBytes, dataOffset } = volumeLayout(shape);
    const buffer = new ArrayBuffer(bufferBytes);
    new Uint8Array(buffer).set(body, dataOffset);
    const task = {
      kind: 'seal',
      shape,
      secrets,
      volume: MESSAGE,
      part: 0,
      last: true,
      buffer,
      dataBytes: body.length,
      digestKey: undefined,
      hash: true,
    } as const;
    const sealed = await this.pool.run(this.#lane, () => task, [buffer]);
    return { bytes: new Uint8Array(sealed.buffer, 0, sealed.bytes), sha1: sealed.sha1 };
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
