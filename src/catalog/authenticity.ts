/**
 * Whether an archive is one that we stored. Anybody who may write to the bucket can write names, file info and COMPLETE. The list of
 * volumes counts if one of these vouches for it:
 *
 * - a passphrase of ours opens its sealed manifest, so somebody who knew the passphrase wrote it;
 * - COMPLETE, which has the hash of the sealed one, is signed by a key that is trusted here;
 * - COMPLETE is the one that this installation recorded storing.
 */
import { createHash } from 'node:crypto';
import { Failure } from '../errors.js';
import { NotOpened } from '../openpgp/session-keys.js';
import type { ObjectStore } from '../store.js';
import { versionsOf, type Archive, type StoredObject } from './archive.js';
import { difference } from './difference.js';
import {
  parseManifest,
  parsePlainManifest,
  type Manifest,
  plainManifestText,
  type HashedObject,
  type PlainManifest,
  type SealedManifest,
} from './manifest.js';
import { sealedManifestName, signatureName } from './names.js';
import { downloadWhole } from './read.js';

export type Voucher = 'passphrase' | 'signature' | 'record';

export type Authenticity =
  | {
      readonly kind: 'proven';
      readonly by: Voucher;
      /** The sealed one, where a key has opened it. */
      readonly manifest: SealedManifest;
      /** File IDs of what proves it: the sealed manifest, and the signature where that was looked at. */
      readonly restsOn: readonly string[];
    }
  /** Nothing contradicts it, but nothing vouches for it. */
  | {
      readonly kind: 'unproven';
      /** As in `web #12 is unproven: REASON`. */
      readonly reason: string;
      readonly manifest: PlainManifest | undefined;
    }
  /** Its sealed manifest is the one that COMPLETE names, and no passphrase or key at hand opens it. */
  | { readonly kind: 'unopened'; readonly problem: string }
  /** It contradicts itself. */
  | { readonly kind: 'damaged'; readonly problem: string };

export interface OpenedManifest {
  readonly json: string;
  /** Which of our keys opened it. Anybody may have a recipient's public key, so opening it with that key proves nothing. */
  readonly by: 'passphrase' | 'recipient';
}

/** What this machine has to judge by. */
export interface Evidence {
  /** Opens a sealed manifest. undefined where neither a passphrase nor a secret key is configured. @throws Failure `damaged` */
  readonly open: ((sealed: Uint8Array) => Promise<OpenedManifest>) | undefined;
  /** Whether the signature is by a key that is trusted here. undefined where there is none. */
  readonly isSigned: ((data: Uint8Array, signature: Uint8Array) => Promise<boolean>) | undefined;
  /** Hex SHA-256 of the COMPLETE that this installation stored under this file ID. */
  readonly recorded: (fileId: string) => string | undefined;
}

/** What is looked at of an archive. Its volumes are not. */
export type Judged = Pick<
  Archive,
  'prefix' | 'host' | 'number' | 'run' | 'proof' | 'manifest' | 'others' | 'leftovers'
>;

export const NO_SEALED_MANIFEST =
  'it has no sealed manifest: it was made by version 1.0, or somebody took that away';
export const NO_KEYS = 'neither a passphrase nor a key is configured that opens its sealed manifest';

/** COMPLETE goes up as soon as the manifest is made; on a bad line that takes hours. */
const PUT_AGAIN_MS = 24 * 60 * 60 * 1000;

/**
 * Why an archive that is ours is not the newest for being uploaded last: somebody has put an older one there again, or copied the bucket.
 * @returns undefined where its manifest was made when it was uploaded
 */
export function whyPutAgain(
  uploadedAt: number,
  { finishedAt }: Pick<Manifest, 'finishedAt'>,
): string | undefined {
  return uploadedAt - Date.parse(finishedAt) > PUT_AGAIN_MS
    ? `it was finished ${finishedAt.slice(0, 10)} and uploaded ${new Date(uploadedAt).toISOString().slice(0, 10)}: a copy, or an older state that was put there again`
    : undefined;
}

/** @throws what the store throws */
export async function authenticate(
  store: Pick<ObjectStore, 'download'>,
  archive: Judged,
  evidence: Evidence,
  signal?: AbortSignal,
): Promise<Authenticity> {
  try {
    return await judged(store, archive, evidence, signal);
  } catch (error) {
    if (error instanceof NotOpened) return { kind: 'unopened', problem: error.message };
    if (error instanceof Failure && error.kind === 'damaged')
      return { kind: 'damaged', problem: error.message };
    throw error;
  }
}

async function judged(
  store: Pick<ObjectStore, 'download'>,
  archive: Judged,
  evidence: Evidence,
  signal: AbortSignal | undefined,
): Promise<Authenticity> {
  const unproven = (reason: string, manifest?: PlainManifest): Authenticity => ({
    kind: 'unproven',
    reason,
    manifest,
  });
  const { manifest: complete } = archive;
  if (archive.proof === 'name') return unproven('it is known by its names alone');
  if (complete === undefined) return unproven('it has no manifest');

  const fetch = (object: StoredObject): Promise<Buffer> =>
    downloadWhole(store, { ...object, fileName: object.name, contentLength: object.bytes }, signal);
  const bytes = await fetch(complete);
  const text = await plainManifestText(bytes, complete.name);
  const { sealed, ...plain } = checkedPlain(text, archive);
  const voucher = await voucherOf(bytes, complete, archive, evidence, fetch);
  if (sealed === undefined) return unproven(NO_SEALED_MANIFEST, plain);

  // The same again, and a digest for each volume.
  if (sealed.bytes > text.length * MOST_LONGER + SEALING_BYTES)
    throw damaged(`${sealed.name} has ${sealed.bytes} bytes, too many for what ${complete.name} says`);
  const { object, message } = await sealedOf(archive, sealed, fetch);
  const restsOn = [object.fileId, ...voucher.restsOn];
  if (evidence.open === undefined) {
    return voucher.by === undefined
      ? unproven(NO_KEYS, plain)
      : { kind: 'proven', by: voucher.by, manifest: plain, restsOn };
  }

  const opened = await evidence.open(message);
  const manifest = parseManifest(opened.json, object.name);
  const where = difference(withoutSealed(text), JSON.parse(opened.json));
  if (where !== undefined)
    throw damaged(`${complete.name} differs from the sealed manifest in ${where}: it has been tampered with`);
  const by = opened.by === 'passphrase' ? 'passphrase' : voucher.by;
  return by === undefined
    ? unproven(
        'it is sealed to a recipient, which anybody with the public key can do, and no trusted key has signed it (--signer FILE)',
        plain,
      )
    : { kind: 'proven', by, manifest, restsOn };
}

function checkedPlain(text: string, { host, number, run, manifest }: Judged): PlainManifest {
  const name = manifest?.name ?? '';
  const plain = parsePlainManifest(text, name);
  if (plain.host !== host || plain.number !== number || plain.run !== run)
    throw damaged(`${name} is the manifest of ${plain.host} #${plain.number}, run ${plain.run}`);
  return plain;
}

/** Everything in COMPLETE, including fields of later versions. */
function withoutSealed(complete: string): unknown {
  const said = JSON.parse(complete) as Record<string, unknown>;
  delete said['sealed'];
  return said;
}

/** So many versions of one object are looked at, lest somebody keep us busy with theirs. */
const MOST_VERSIONS = 16;
/** A sealed manifest is at most so many times as long as COMPLETE, beside its key packets. */
const MOST_LONGER = 4;
const SEALING_BYTES = 256 * 1024;
/** An armored signature has a kilobyte. */
const MOST_SIGNATURE_BYTES = 64 * 1024;

/** The sealed manifest that COMPLETE names. A copy of the bucket gives its objects other file IDs, so the hash decides. */
async function sealedOf(
  archive: Judged,
  sealed: HashedObject,
  fetch: (object: StoredObject) => Promise<Buffer>,
): Promise<{ object: StoredObject; message: Buffer }> {
  const name = sealedManifestName(archive);
  const complete = archive.manifest?.name ?? '';
  const versions = versionsOf(archive, name).filter(({ bytes }) => bytes === sealed.bytes);
  if (versions.length === 0) throw damaged(`${name}, which ${complete} names, is missing`);
  const named = versions.filter(({ fileId }) => fileId === sealed.fileId);
  for (const object of named.length > 0 ? named : versions.slice(0, MOST_VERSIONS)) {
    const message = await fetch(object);
    if (sha256(message) === sealed.sha256) return { object, message };
  }
  throw damaged(`${name} is not the one that ${complete} names: its SHA-256 differs`);
}

interface Vouched {
  readonly by: 'record' | 'signature' | undefined;
  readonly restsOn: readonly string[];
}

/** Who vouches for COMPLETE itself. */
async function voucherOf(
  bytes: Buffer,
  complete: StoredObject,
  archive: Judged,
  { isSigned, recorded }: Evidence,
  fetch: (object: StoredObject) => Promise<Buffer>,
): Promise<Vouched> {
  if (recorded(complete.fileId) === sha256(bytes)) return { by: 'record', restsOn: [] };
  if (isSigned === undefined) return { by: undefined, restsOn: [] };
  // Ours went up just before COMPLETE did.
  const distance = ({ uploadedAt }: StoredObject): number => Math.abs(complete.uploadedAt - uploadedAt);
  const signatures = versionsOf(archive, signatureName(archive))
    .filter(({ bytes }) => bytes <= MOST_SIGNATURE_BYTES)
    .sort((a, b) => distance(a) - distance(b));
  for (const signature of signatures.slice(0, MOST_VERSIONS))
    if (await isSigned(bytes, await fetch(signature)))
      return { by: 'signature', restsOn: [signature.fileId] };
  return { by: undefined, restsOn: [] };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function damaged(problem: string): Failure {
  return new Failure('damaged', problem);
}
