import { B2Error, badRequest, unauthorized } from './errors.js';
import { may, requireBucket, type ApplicationKey } from './keys.js';
import { readPeriod } from './object-lock.js';
import type { Params } from './params.js';
import { presentBucket } from './presentation.js';
import { readEncryption } from './encryption.js';
import type { Call, Operations, Service } from './service.js';
import type { Bucket } from './state.js';

/** B2 API: Buckets. */
export const bucketOperations: Operations = {
  b2_list_buckets: {
    capability: 'listBuckets',
    run: ({ account }, { params, key, apiVersion }) => {
      checkAccount(params, account.accountId);
      const bucketId = params.optionalString('bucketId');
      const bucketName = params.optionalString('bucketName');
      const types = readTypes(params);
      const buckets = [...account.buckets.values()]
        .filter((bucket) => bucketId === undefined || bucket.bucketId === bucketId)
        .filter((bucket) => bucketName === undefined || sameName(bucket.bucketName, bucketName))
        .filter((bucket) => types === undefined || types.includes(bucket.bucketType))
        .sort((a, b) => (a.bucketName < b.bucketName ? -1 : 1));
      return {
        buckets: visibleTo(key, buckets, apiVersion, bucketId, bucketName).map((bucket) =>
          presentBucket(account.accountId, bucket, key),
        ),
      };
    },
  },

  b2_create_bucket: {
    capability: 'writeBuckets',
    run: (service, { params, key }) => {
      const { account, limits, foreignBuckets } = service;
      checkAccount(params, account.accountId);
      if (key.bucketIds !== null) throw unauthorized('a key restricted to buckets may not create one');
      const bucketName = params.string('bucketName');
      checkBucketName(bucketName);
      const taken = [...account.buckets.values()].some((bucket) => sameName(bucket.bucketName, bucketName));
      if (taken || foreignBuckets.has(bucketName.toLowerCase())) {
        throw new B2Error(400, 'duplicate_bucket_name', 'Bucket name is already in use.');
      }
      if (account.buckets.size >= limits.maxBuckets)
        throw new B2Error(400, 'too_many_buckets', `account already has ${limits.maxBuckets} buckets`);
      const bucket: Bucket = {
        bucketId: account.newBucketId(),
        bucketName,
        bucketType: readType(params.string('bucketType')),
        bucketInfo: {},
        corsRules: [],
        lifecycleRules: [],
        revision: 1,
        defaultEncryption: undefined,
        fileLockEnabled: false,
        defaultRetention: undefined,
        versions: new Map(),
        sortedNames: undefined,
      };
      change(bucket, params, key);
      account.buckets.set(bucket.bucketId, bucket);
      return presentBucket(account.accountId, bucket, key);
    },
  },

  b2_update_bucket: {
    capability: 'writeBuckets',
    run: (service, call) => {
      const { params, key } = call;
      const bucket = bucketOf(service, call);
      const ifRevisionIs = params.optionalInteger('ifRevisionIs');
      if (ifRevisionIs !== undefined && ifRevisionIs !== bucket.revision) {
        throw new B2Error(409, 'conflict', 'simultaneous updates to bucket');
      }
      change(bucket, params, key);
      return presentBucket(service.account.accountId, bucket, key);
    },
  },

  b2_delete_bucket: {
    capability: 'deleteBuckets',
    run: (service, call) => {
      const bucket = bucketOf(service, call);
      if (bucket.versions.size > 0) {
        throw new B2Error(400, 'cannot_delete_non_empty_bucket', 'Cannot delete non-empty bucket');
      }
      service.account.buckets.delete(bucket.bucketId);
      return presentBucket(service.account.accountId, bucket, call.key);
    },
  },
};

/** The bucket that the call names by `bucketId`, which the key must be allowed to touch. */
export function bucketOf({ account }: Service, { params, key }: Pick<Call, 'params' | 'key'>): Bucket {
  const bucketId = params.string('bucketId');
  requireBucket(key, bucketId);
  return account.bucket(bucketId);
}

export function bucketByName({ account }: Service, bucketName: string): Bucket | undefined {
  return [...account.buckets.values()].find((bucket) => sameName(bucket.bucketName, bucketName));
}

/** Bucket names are the same whatever the case of their letters. */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** A restricted key must name its bucket; version 1 shows it that bucket in any case. */
function visibleTo(
  key: ApplicationKey,
  buckets: readonly Bucket[],
  apiVersion: number,
  bucketId: string | undefined,
  bucketName: string | undefined,
): readonly Bucket[] {
  const own = key.bucketIds;
  if (own === null) return buckets;
  if (apiVersion === 1 && bucketId === undefined && bucketName === undefined)
    return buckets.filter((bucket) => own.includes(bucket.bucketId));
  const named = bucketId ?? buckets[0]?.bucketId;
  if (named === undefined || (bucketId === undefined && bucketName === undefined) || !own.includes(named)) {
    throw unauthorized('this key must name the bucket it is restricted to');
  }
  return buckets;
}

function change(bucket: Bucket, params: Params, key: ApplicationKey): void {
  const lock = params.has('fileLockEnabled') ? params.boolean('fileLockEnabled') : undefined;
  if (lock === true && !may(key, 'writeBucketRetentions'))
    throw unauthorized('unauthorized for capability writeBucketRetentions');
  if (lock === false && bucket.fileLockEnabled)
    throw new B2Error(400, 'file_lock_conflict', 'file lock cannot be disabled');
  const encryption = params.optionalObject('defaultServerSideEncryption');
  if (encryption !== undefined && !may(key, 'writeBucketEncryption'))
    throw unauthorized('unauthorized for capability writeBucketEncryption');
  const defaultEncryption = encryption === undefined ? bucket.defaultEncryption : readEncryption(encryption);
  if (defaultEncryption?.mode === 'SSE-C') throw badRequest('SSE-C is not allowed as a default');
  const retention = params.optionalObject('defaultRetention');
  if (retention !== undefined && !may(key, 'writeBucketRetentions'))
    throw unauthorized('unauthorized for capability writeBucketRetentions');
  const fileLockEnabled = lock ?? bucket.fileLockEnabled;
  if (retention !== undefined && !fileLockEnabled)
    throw new B2Error(400, 'bucket_missing_file_lock', 'bucket is not file lock enabled');
  const lifecycleRules = readLifecycleRules(params) ?? bucket.lifecycleRules;

  if (params.has('bucketType')) bucket.bucketType = readType(params.string('bucketType'));
  if (params.has('bucketInfo')) bucket.bucketInfo = params.stringMap('bucketInfo');
  bucket.corsRules = params.optionalList('corsRules') ?? bucket.corsRules;
  bucket.lifecycleRules = lifecycleRules;
  bucket.fileLockEnabled = fileLockEnabled;
  bucket.defaultEncryption = defaultEncryption;
  if (retention !== undefined) bucket.defaultRetention = readPeriod(retention);
  bucket.revision += 1;
}

const LIFECYCLE_DAYS = [
  'daysFromUploadingToHiding',
  'daysFromHidingToDeleting',
  'daysFromStartingToCancelingUnfinishedLargeFiles',
] as const;

function readLifecycleRules(params: Params): readonly unknown[] | undefined {
  const rules = params.optionalList('lifecycleRules');
  if (rules === undefined) return undefined;
  if (rules.length > 100) throw badRequest('a bucket may have no more than 100 lifecycle rules');
  const prefixes: string[] = [];
  const kept = rules.map((_, index) => {
    const rule = params.element('lifecycleRules', index);
    const prefix = rule.string('fileNamePrefix');
    if (prefixes.some((other) => other.startsWith(prefix) || prefix.startsWith(other))) {
      throw badRequest('prefixes of lifecycle rules must not overlap');
    }
    prefixes.push(prefix);
    const days = LIFECYCLE_DAYS.map((name) => [name, rule.optionalInteger(name) ?? null] as const);
    if (days.every(([, count]) => count === null))
      throw badRequest('a lifecycle rule needs at least one number of days');
    if (days.some(([, count]) => count !== null && count <= 0))
      throw badRequest('days of lifecycle rules must be positive');
    return { fileNamePrefix: prefix, ...Object.fromEntries(days) };
  });
  return kept;
}

function readType(bucketType: string): string {
  if (bucketType !== 'allPrivate' && bucketType !== 'allPublic')
    throw badRequest(`unknown bucket type: ${bucketType}`);
  return bucketType;
}

function readTypes(params: Params): readonly string[] | undefined {
  const types = params.optionalStringList('bucketTypes');
  if (types === undefined) return undefined;
  const known = ['allPrivate', 'allPublic', 'snapshot', 'shared'];
  if (types.length === 1 && types[0] === 'all') return undefined;
  if (types.length === 0 || !types.every((type) => known.includes(type))) throw badRequest('bad bucketTypes');
  return types;
}

function checkBucketName(bucketName: string): void {
  if (!/^[A-Za-z0-9-]{6,63}$/.test(bucketName) || bucketName.toLowerCase().startsWith('b2-')) {
    throw new B2Error(400, 'invalid_bucket_name', `Invalid bucket name: ${bucketName}`);
  }
}

export function checkAccount(params: Params, accountId: string): void {
  if (params.string('accountId') !== accountId) throw badRequest('invalid accountId');
}
