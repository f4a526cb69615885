import { B2Error, unauthorized } from './errors.js';

/** What a key may do (`Application Keys: capabilities`). */
export const ALL_CAPABILITIES = [
  'listKeys',
  'writeKeys',
  'deleteKeys',
  'listAllBucketNames',
  'listBuckets',
  'readBuckets',
  'writeBuckets',
  'deleteBuckets',
  'readBucketRetentions',
  'writeBucketRetentions',
  'readBucketEncryption',
  'writeBucketEncryption',
  'readBucketReplications',
  'writeBucketReplications',
  'listFiles',
  'readFiles',
  'shareFiles',
  'writeFiles',
  'deleteFiles',
  'readFileLegalHolds',
  'writeFileLegalHolds',
  'readFileRetentions',
  'writeFileRetentions',
  'bypassGovernance',
] as const;

export type Capability = (typeof ALL_CAPABILITIES)[number];

export interface ApplicationKey {
  readonly keyId: string;
  readonly key: string;
  readonly keyName: string;
  readonly capabilities: readonly Capability[];
  /** null: every bucket. */
  readonly bucketIds: readonly string[] | null;
  /** null: every name. */
  readonly namePrefix: string | null;
  /** ms; null: never. */
  readonly expirationTimestamp: number | null;
  /** Version of the `b2_create_key` that made it. */
  readonly madeByVersion: number;
}

/** A key for tests to use; what is left out is unrestricted. */
export interface KeyOption {
  readonly keyId: string;
  readonly key: string;
  readonly keyName?: string;
  readonly capabilities?: readonly Capability[];
  readonly bucketIds?: readonly string[];
  readonly namePrefix?: string;
  readonly expirationTimestamp?: number;
  /** Version of the `b2_create_key` that made it. Default: 3, what the account's web page makes. */
  readonly madeByVersion?: number;
}

export function keyOf(option: KeyOption): ApplicationKey {
  return {
    keyId: option.keyId,
    key: option.key,
    keyName: option.keyName ?? 'key',
    capabilities: option.capabilities ?? ALL_CAPABILITIES,
    bucketIds: option.bucketIds ?? null,
    namePrefix: option.namePrefix ?? null,
    expirationTimestamp: option.expirationTimestamp ?? null,
    madeByVersion: option.madeByVersion ?? 3,
  };
}

export function isCapability(text: string): text is Capability {
  return (ALL_CAPABILITIES as readonly string[]).includes(text);
}

export function may(key: ApplicationKey, capability: Capability): boolean {
  return key.capabilities.includes(capability);
}

export function requireCapability(key: ApplicationKey, capability: Capability): void {
  if (!may(key, capability)) throw unauthorized(`unauthorized for capability ${capability}`);
}

export function requireBucket(key: ApplicationKey, bucketId: string): void {
  if (key.bucketIds !== null && !key.bucketIds.includes(bucketId))
    throw unauthorized('unauthorized for this bucket');
}

/** `name`: a file name, or the prefix of a listing, which must be at least as narrow as the key's. */
export function requirePrefix(key: ApplicationKey, name: string): void {
  if (key.namePrefix !== null && !name.startsWith(key.namePrefix)) {
    throw unauthorized(`unauthorized for names outside prefix "${key.namePrefix}"`);
  }
}

export function expired(what: string): B2Error {
  return new B2Error(401, 'expired_auth_token', `${what} has expired`);
}

export function badToken(what: string): B2Error {
  return new B2Error(401, 'bad_auth_token', `Invalid ${what}`);
}
