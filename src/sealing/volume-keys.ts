/**
 * Secrets for volume after volume.
 *
 * - If a passphrase is configured, all volumes of a run share one session key and its key packets: stretching a passphrase takes a tenth of a
 *   second of CPU by design, and a run may have thousands of volumes. Each volume has its own IV or salt; docs/format.md says why no nonce is
 *   used twice.
 * - With recipients alone each volume has its own session key, so that what a crash leaves on disk opens no other volume. Their packets are
 *   made in batches, because each batch starts a thread that loads OpenPGP.js.
 */
import { randomBytes } from 'node:crypto';
import { type AeadAlgorithm, type OpenPgpProfile, PROFILE, SESSION_KEY_BYTES } from '../openpgp/profile.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';

/** A session key, and the packets that open it. */
type SealedKey = Pick<VolumeSecrets, 'sessionKey' | 'keyPackets'>;

export interface VolumeKeysOptions {
  readonly profile: OpenPgpProfile;
  readonly aead: AeadAlgorithm;
  /** One session key for all volumes. */
  readonly shared: boolean;
  /** Key packets for each of the session keys. */
  readonly keyPackets: (sessionKeys: readonly Uint8Array[]) => Promise<readonly Uint8Array[]>;
}

/** A run with many volumes starts few threads, one with a single volume makes a single key. */
const LARGEST_BATCH = 64;

export class VolumeKeys {
  readonly #options: VolumeKeysOptions;
  #shared: Promise<SealedKey> | undefined;
  #batch: Promise<SealedKey[]> = Promise.resolve([]);
  #batchSize = 1;

  constructor(options: VolumeKeysOptions) {
    this.#options = options;
  }

  /** Fresh secrets: never two with the same IV or salt. */
  async next(): Promise<VolumeSecrets> {
    const { profile, aead, shared } = this.#options;
    const key = await (shared ? this.#ofRun() : this.#ofVolume());
    return { profile, aead, salt: randomOctets(PROFILE[profile].saltBytes), ...key };
  }

  #ofRun(): Promise<SealedKey> {
    this.#shared ??= this.#make(1).then(first, (error: unknown) => {
      this.#shared = undefined;
      throw error;
    });
    return this.#shared;
  }

  #ofVolume(): Promise<SealedKey> {
    const taken = this.#batch
      .catch(() => [])
      .then(async (keys: SealedKey[]) => {
        if (keys.length > 0) return keys;
        const size = this.#batchSize;
        this.#batchSize = Math.min(LARGEST_BATCH, 2 * size);
        return this.#make(size);
      });
    this.#batch = taken.then((keys) => keys.slice(1));
    // The next caller tries again.
    this.#batch.catch(() => undefined);
    return taken.then(first);
  }

  async #make(count: number): Promise<SealedKey[]> {
    const sessionKeys = Array.from({ length: count }, () => randomOctets(SESSION_KEY_BYTES));
    const packets = await this.#options.keyPackets(sessionKeys);
    return sessionKeys.map((sessionKey, index) => {
      const keyPackets = packets[index];
      if (keyPackets === undefined) throw new Error('a session key without key packets');
      return { sessionKey, keyPackets };
    });
  }
}

function first(keys: readonly SealedKey[]): SealedKey {
  const [key] = keys;
  if (key === undefined) throw new Error('no session key was made');
  return key;
}

function randomOctets(count: number): Uint8Array {
  return new Uint8Array(randomBytes(count));
}
