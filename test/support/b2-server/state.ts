import { createHash } from 'node:crypto';
import type { Clock } from '../../../src/clock.js';
import type { StoredBytes } from './bytes.js';
import { compareNames } from './names.js';
import { B2Error, badRequest, notFound } from './errors.js';

export interface Retention {
  readonly mode: 'governance' | 'compliance';
  readonly retainUntilTimestamp: number;
}

export interface ServerSideEncryption {
  readonly mode: 'SSE-B2' | 'SSE-C';
  readonly algorithm: 'AES256';
  /** Hex MD5 of the customer's key (SSE-C): the key itself is not kept. */
  readonly customerKeyMd5?: string;
}

export interface StoredPart {
  readonly partNumber: number;
  readonly contentLength: number;
  /** As listed: 40 hex digits, or `unverified:` and the hex digits. */
  readonly contentSha1: string;
  readonly contentMd5: string | null;
  readonly uploadTimestamp: number;
  readonly bytes: StoredBytes;
}

/** One version of a name: a finished file, an unfinished large file or a hide marker. */
export interface FileVersion {
  readonly fileId: string;
  readonly fileName: string;
  readonly bucketId: string;
  action: 'upload' | 'start' | 'hide';
  contentLength: number;
  readonly contentSha1: string | null;
  readonly contentMd5: string | null;
  readonly contentType: string;
  /** Keys in lower case. */
  readonly fileInfo: Readonly<Record<string, string>>;
  readonly uploadTimestamp: number;
  readonly encryption: ServerSideEncryption | undefined;
  retention: Retention | undefined;
  legalHold: 'on' | 'off' | undefined;
  /** Bodies in order: one for a small file, one per part for a large one. */
  bodies: readonly StoredBytes[];
  /** Parts of a large file, by number; kept after the finish too, for inspection. */
  readonly parts: Map<number, StoredPart>;
}

export interface Bucket {
  readonly bucketId: string;
  readonly bucketName: string;
  bucketType: string;
  bucketInfo: Readonly<Record<string, string>>;
  corsRules: readonly unknown[];
  lifecycleRules: readonly unknown[];
  revision: number;
  defaultEncryption: ServerSideEncryption | undefined;
  fileLockEnabled: boolean;
  defaultRetention:
    | {
        readonly mode: 'governance' | 'compliance';
        readonly period: { readonly duration: number; readonly unit: 'days' | 'years' };
      }
    | undefined;
  /** Versions by name, newest first. Names without versions are absent. */
  readonly versions: Map<string, FileVersion[]>;
  /** Names in byte order; undefined after a change until somebody lists. */
  sortedNames: readonly string[] | undefined;
}

/** All that one account has stored. Ids are counted, so that two runs of a test get the same ones. */
export class AccountState {
  readonly accountId: string;
  readonly buckets = new Map<string, Bucket>();
  readonly files = new Map<string, FileVersion>();
  readonly #clock: Clock;
  #count = 0;
  #keys = 1;
  #lastTimestamp = 0;

  constructor(accountId: string, clock: Clock) {
    this.accountId = accountId;
    this.#clock = clock;
  }

  /** ms; never the same twice, so that "newest" is always defined. */
  timestamp(): number {
    this.#lastTimestamp = Math.max(this.#clock.now(), this.#lastTimestamp + 1);
    return this.#lastTimestamp;
  }

  /** 24 hex digits. */
  newBucketId(): string {
    return createHash('sha256')
      .update(`${this.accountId} bucket ${++this.#count}`)
      .digest('hex')
      .slice(0, 24);
  }

  /** Number 1 is the master key's. */
  newKeyNumber(): number {
    return ++this.#keys;
  }

  newFileId(bucketId: string, timestamp: number): string {
    const [day = '', time = ''] = new Date(timestamp).toISOString().replace(/[-:]/g, '').split('T');
    const unique = (++this.#count).toString(16).padStart(16, '0');
    return `4_z${bucketId}_f1${unique}_d${day}_m${time.slice(0, 6)}_c001_v0001000_t0001_u0${timestamp}`;
  }

  bucket(bucketId: string): Bucket {
    const bucket = this.buckets.get(bucketId);
    if (bucket === undefined) throw new B2Error(400, 'bad_bucket_id', `Bucket ${bucketId} does not exist`);
    return bucket;
  }

  /** The file, finished or not. */
  file(fileId: string): FileVersion {
    const file = this.files.get(fileId);
    if (file !== undefined) return file;
    if (!/^4_z[0-9a-f]{24}_f/.test(fileId)) throw badRequest(`Invalid fileId: ${fileId}`);
    throw notFound(`File not present: ${fileId}`);
  }

  /** An unfinished large file. */
  unfinished(fileId: string, otherwise: string): FileVersion {
    const file = this.files.get(fileId);
    if (file?.action !== 'start') throw badRequest(otherwise);
    return file;
  }

  addVersion(bucket: Bucket, file: FileVersion): void {
    const versions = bucket.versions.get(file.fileName);
    if (versions === undefined) {
      bucket.versions.set(file.fileName, [file]);
      bucket.sortedNames = undefined;
    } else {
      const older = versions.findIndex((version) => version.uploadTimestamp < file.uploadTimestamp);
      versions.splice(older === -1 ? versions.length : older, 0, file);
    }
    this.files.set(file.fileId, file);
  }

  removeVersion(file: FileVersion): void {
    const bucket = this.bucket(file.bucketId);
    const left = bucket.versions.get(file.fileName)?.filter((version) => version !== file) ?? [];
    if (left.length === 0) {
      bucket.versions.delete(file.fileName);
      bucket.sortedNames = undefined;
    } else {
      bucket.versions.set(file.fileName, left);
    }
    this.files.delete(file.fileId);
    for (const body of new Set([...file.bodies, ...[...file.parts.values()].map((part) => part.bytes)]))
      body.discard();
  }

  names(bucket: Bucket): readonly string[] {
    bucket.sortedNames ??= [...bucket.versions.keys()].sort(compareNames);
    return bucket.sortedNames;
  }
}

/** The version a download by name gives: the newest finished one, unless it is hidden. */
export function visibleVersion(versions: readonly FileVersion[] | undefined): FileVersion | undefined {
  const newest = versions?.find((version) => version.action !== 'start');
  return newest?.action === 'upload' ? newest : undefined;
}
