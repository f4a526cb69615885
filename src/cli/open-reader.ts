/** Chooses how an archive is read, and with which keys. */
import { isUtf8 } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { manifestVolumes, placesOf } from '../catalog/volume-places.js';
import type { Manifest } from '../catalog/manifest.js';
import type { Config } from '../config/schema.js';
import { readKeyFiles, readOpeningPassphrases } from '../config/secrets.js';
import { Failure } from '../errors.js';
import { openMessage, openSessionKey } from '../openpgp/reader.js';
import type { OpeningKeys } from '../openpgp/session-keys.js';
import { openWithGpg } from '../restore/gpg.js';
import { partsReader } from '../restore/parts-reader.js';
import {
  partsDataReader,
  streamDataReader,
  type DataReader,
  type ReadableVolume,
} from '../restore/data-reader.js';
import type { ArchiveReader } from '../restore/reader.js';
import { streamReader, type OpenVolume } from '../restore/stream-reader.js';
import { memoryBytesOf } from '../memory/plan.js';
import { keyThread } from '../sealing/key-thread.js';
import { createOpener } from '../sealing/opener.js';
import type { Opener } from '../sealing/ports.js';
import type { Located } from './archives.js';

const RANGE_BYTES = 8 * 1024 * 1024;
/** Concurrent downloads; more connections did not make B2 faster. */
const MOST_PARALLEL = 8;
/** Enough of a volume to try a passphrase on. */
const BEGINNING_BYTES = 4096;

/** Ranges of a sequential read within the memory budget. */
export function rangesOf(config: Pick<Config, 'memory' | 'workers'>): {
  parallel: number;
  rangeBytes: number;
} {
  return {
    parallel: Math.max(2, Math.min(MOST_PARALLEL, Math.floor(memoryBytesOf(config) / RANGE_BYTES) - 1)),
    rangeBytes: RANGE_BYTES,
  };
}

/** Opens keys and worker pool when they are first needed. */
export class Readers {
  readonly #config: Config;
  #keys: Promise<{ keys: OpeningKeys; passphrases: readonly Uint8Array[] }> | undefined;
  #opener: Opener | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  /** @throws Failure `config` when there is nothing to decrypt with */
  async readerOf({ bucket, archive }: Located, manifest: Manifest | undefined): Promise<ArchiveReader> {
    const { store } = bucket;
    const known = manifest && manifestVolumes(archive, manifest);
    const ranges = { ...rangesOf(this.#config), known };
    if (!archive.volumes.some(({ encrypted }) => encrypted)) {
      return streamReader(store, { ...ranges, openVolume: (sealed) => sealed });
    }
    const { keys, passphrases } = await this.keys();
    if (archive.proof === 'name' && hasGpg()) {
      // gpg compresses inside the message, possibly with bzip2, which the native reader does not support.
      const passphrase = await this.#passphraseFor({ bucket, archive }, passphrases);
      return streamReader(store, {
        ...ranges,
        openVolume: (sealed, signal) => openWithGpg(sealed, { passphrase, signal }),
      });
    }
    const singly = archive.profile === 'librepgp' || archive.profile === 'rfc9580';
    const window = this.#windowOf(manifest);
    if (known === undefined || !singly || window < 2) {
      const openVolume: OpenVolume = (sealed) => openMessage(sealed, keys);
      return streamReader(store, { ...ranges, openVolume });
    }
    const opener = this.#openOpener();
    const openSkesk = (body: Uint8Array, passphrase: Uint8Array) => opener.openSkesk(body, passphrase);
    return partsReader(store, { opener, keys: { ...keys, openSkesk }, known, window });
  }

  /** @throws Failure `config` as `readerOf`, `damaged` when a volume is missing */
  async dataReaderOf(located: Located, manifest: Manifest): Promise<DataReader> {
    const { archive, bucket } = located;
    const volumes = placesOf(archive, manifest).map(({ name, expected, volume }): ReadableVolume => {
      if (expected === undefined || volume === undefined)
        throw new Failure('damaged', `${name} is missing`, { hint: '--unfinalized gives what there is' });
      return { expected, volume };
    });
    const singly = archive.profile === 'librepgp' || archive.profile === 'rfc9580';
    const window = this.#windowOf(manifest);
    if (!singly || window < 2 || volumes.some(({ volume }) => !volume.encrypted))
      return streamDataReader(await this.readerOf(located, manifest), volumes);
    const { keys } = await this.keys();
    const opener = this.#openOpener();
    const openSkesk = (body: Uint8Array, passphrase: Uint8Array) => opener.openSkesk(body, passphrase);
    return partsDataReader(bucket.store, { opener, keys: { ...keys, openSkesk }, volumes, window });
  }

  /** Parts that fit the memory budget. */
  #windowOf(manifest: Manifest | undefined): number {
    return Math.min(
      MOST_PARALLEL,
      Math.floor(memoryBytesOf(this.#config) / Math.max(1, largestPart(manifest))),
    );
  }

  async close(): Promise<void> {
    await this.#opener?.close();
  }

  keys(): Promise<{ keys: OpeningKeys; passphrases: readonly Uint8Array[] }> {
    return (this.#keys ??= this.#readKeys());
  }

  async #readKeys(): Promise<{ keys: OpeningKeys; passphrases: readonly Uint8Array[] }> {
    const [secrets, files] = await Promise.all([
      readOpeningPassphrases(this.#config),
      readKeyFiles(this.#config.secret_key_file),
    ]);
    const passphrases = secrets.map((secret) => secret.octets());
    if (passphrases.length + files.length === 0) {
      throw new Failure(
        'config',
        'nothing to decrypt with: neither a passphrase nor a secret key is configured',
        {
          hint: 'give --passphrase-file FILE, --passphrase-command COMMAND or --secret-key-file FILE',
        },
      );
    }
    const withKeys =
      files.length === 0
        ? {}
        : {
            openPkesk: (sealed: Parameters<typeof keyThread.openPkesk>[0]) =>
              keyThread.openPkesk(sealed, files, textsOf(passphrases)),
          };
    return { passphrases, keys: { passwords: passphrases, ...withKeys } };
  }

  #openOpener(): Opener {
    return (this.#opener ??= createOpener({ workers: this.#config.workers }));
  }

  /** gpg takes one passphrase: the first that opens the beginning of the first volume; undefined: gpg's own keyring. */
  async #passphraseFor(
    { bucket, archive }: Located,
    passphrases: readonly Uint8Array[],
  ): Promise<Uint8Array | undefined> {
    const [volume] = archive.volumes;
    if (volume === undefined || passphrases.length < 2) return passphrases[0];
    const to = Math.min(volume.bytes, BEGINNING_BYTES);
    const chunks: Uint8Array[] = [];
    for await (const chunk of bucket.store.download(volume.fileId, { from: 0, to })) chunks.push(chunk);
    for (const passphrase of passphrases) {
      const opens = await openSessionKey(Buffer.concat(chunks), { passwords: [passphrase] }).then(
        () => true,
        () => false,
      );
      if (opens) return passphrase;
    }
    return passphrases[0];
  }
}

function largestPart(manifest: Manifest | undefined): number {
  let largest = 0;
  for (const { parts } of manifest?.volumes ?? [])
    for (const [bytes] of parts) largest = Math.max(largest, bytes);
  return largest;
}

/** OpenPGP.js takes the passphrase of a secret key as text. */
function textsOf(passphrases: readonly Uint8Array[]): string[] {
  return passphrases.filter(isUtf8).map((octets) => Buffer.from(octets).toString('utf8'));
}

function hasGpg(): boolean {
  return spawnSync('gpg', ['--version'], { stdio: 'ignore' }).status === 0;
}
