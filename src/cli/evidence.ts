/** What this machine can judge archives by: its passphrases and keys, the keys it trusts, its own records. */
import { join } from 'node:path';
import { SIGNING_KEY_PUBLIC } from '../archive/signing-key.js';
import {
  authenticate,
  NO_KEYS,
  NO_SEALED_MANIFEST,
  whyPutAgain,
  type Authenticity,
  type Evidence,
  type Judged,
} from '../catalog/authenticity.js';
import { versionsOf, type StoredObject } from '../catalog/archive.js';
import { MANIFEST_LIMIT_BYTES } from '../catalog/manifest.js';
import { sealedManifestName } from '../catalog/names.js';
import type { Unproven } from '../catalog/retention.js';
import { NOT_LOOKED_AT, Search } from '../catalog/search.js';
import type { Config } from '../config/schema.js';
import { readKeyFiles } from '../config/secrets.js';
import { Failure } from '../errors.js';
import { readTrustedFile } from '../own-files.js';
import { finishedRuns } from '../journal/finished-runs.js';
import { openWholeMessage, type OpeningKeys } from '../openpgp/reader.js';
import type { KeyFile } from '../openpgp/recipients.js';
import { keyThread } from '../sealing/key-thread.js';
import type { ObjectStore } from '../store.js';
import type { Judge, Located } from './context.js';

export interface JudgeOptions {
  readonly config: Config;
  /** State directories of this machine: records of finished archives, signing keys. */
  readonly directories: readonly string[];
  /** Asked when the first sealed manifest is to be opened. */
  readonly keys: () => Promise<OpeningKeys>;
  readonly search?: Search;
}

/** Opened when the first archive is judged. */
export class ArchiveJudge implements Judge {
  readonly #options: JudgeOptions;
  #evidence: Promise<Evidence> | undefined;
  /** By a listing's manifest: whoever looks for a proven archive asks before whoever reads it, and each would download and open the same. */
  readonly #judgements = new WeakMap<StoredObject, Authenticity>();

  readonly #search: Search;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#search = options.search ?? new Search();
  }

  get hasKeys(): boolean {
    return hasKeys(this.#options.config);
  }

  async authenticate({ bucket, archive }: Located, signal?: AbortSignal): Promise<Authenticity> {
    return this.judge(bucket.store, archive, signal);
  }

  async judge(
    store: Pick<ObjectStore, 'download'>,
    archive: Judged,
    signal?: AbortSignal,
  ): Promise<Authenticity> {
    const { manifest } = archive;
    const known = manifest && this.#judgements.get(manifest);
    if (known !== undefined) return known;
    const judgement = await authenticate(store, archive, await this.#opened(), signal);
    if (manifest !== undefined) this.#judgements.set(manifest, judgement);
    return judgement;
  }

  async remembers(fileId: string): Promise<boolean> {
    return (await this.#opened()).recorded(fileId) !== undefined;
  }

  async whyUnproven({ bucket, archive }: Located): Promise<Unproven | undefined> {
    const { manifest } = archive;
    if (manifest === undefined || (await this.remembers(manifest.fileId))) return undefined;
    const unproven = (reason: string): Unproven => ({ reason, looked: true });
    const known = this.#judgements.get(manifest) ?? this.#withoutLooking(archive, await this.#opened());
    const judged =
      known ??
      (await this.#search.look(
        bucket.store,
        (store) => this.judge(store, archive),
        ({ kind }) => kind !== 'proven',
      ));
    if (judged === undefined) return { reason: NOT_LOOKED_AT, looked: false };
    if (judged.kind !== 'proven')
      return unproven(judged.kind === 'unproven' ? judged.reason : judged.problem);
    const why = whyPutAgain(manifest.uploadedAt, judged.manifest);
    return why === undefined ? undefined : unproven(why);
  }

  /** What the listing alone tells. */
  #withoutLooking(archive: Judged, { open, isSigned }: Evidence): Authenticity | undefined {
    const unproven = (reason: string): Authenticity => ({ kind: 'unproven', reason, manifest: undefined });
    if (versionsOf(archive, sealedManifestName(archive)).length === 0) return unproven(NO_SEALED_MANIFEST);
    if (open === undefined && isSigned === undefined) return unproven(NO_KEYS);
    return undefined;
  }

  #opened(): Promise<Evidence> {
    return (this.#evidence ??= this.#open());
  }

  async #open(): Promise<Evidence> {
    const { config, directories, keys } = this.#options;
    const [runs, signers] = await Promise.all([
      finishedRuns(directories),
      trustedSigners(config, directories),
    ]);
    const open: Evidence['open'] = async (sealed) => {
      const { data, by, format } = await openWholeMessage(sealed, await keys(), MANIFEST_LIMIT_BYTES);
      // The same passphrase seals volumes, and what is in those is up to the hosts.
      if (format !== 'text')
        throw new Failure('damaged', 'what lies in the place of the sealed manifest was not sealed as one');
      return { json: data.toString('utf8'), by };
    };
    return {
      open: hasKeys(config) ? open : undefined,
      isSigned:
        signers.length === 0
          ? undefined
          : (data, signature) => keyThread.verifySignature(signers, data, signature),
      recorded: (fileId) => runs.get(fileId)?.sha256,
    };
  }
}

/** Whether a passphrase or a secret key is configured, so that sealed manifests can be opened. */
export function hasKeys(config: Config): boolean {
  const { passphrase, passphrase_file, passphrase_command, secret_key_file } = config;
  return (
    passphrase !== undefined ||
    passphrase_command !== undefined ||
    passphrase_file.length + secret_key_file.length > 0
  );
}

/** Those configured, and this machine's own. */
async function trustedSigners(config: Config, directories: readonly string[]): Promise<KeyFile[]> {
  const { signing_key_file: configured, signer } = config;
  const own = directories.map((directory) => join(directory, SIGNING_KEY_PUBLIC));
  const files = await Promise.all(
    own.map(async (name) => {
      const contents = await readTrustedFile(name);
      return contents === undefined ? [] : [{ name, contents }];
    }),
  );
  return [
    ...(await readKeyFiles(configured === undefined ? signer : [...signer, configured])),
    ...files.flat(),
  ];
}
