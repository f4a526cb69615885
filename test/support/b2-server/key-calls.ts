import { createHash } from 'node:crypto';
import { checkAccount } from './buckets.js';
import { badRequest, B2Error } from './errors.js';
import { isCapability, type ApplicationKey } from './keys.js';
import { readCount } from './listing.js';
import type { Params } from './params.js';
import type { Operations, Service } from './service.js';

const MAX_SECONDS = 86_400_000;

/** B2 API: Application Keys. */
export const keyOperations: Operations = {
  b2_create_key: {
    capability: 'writeKeys',
    run: (service, { params, key: creator, apiVersion }) => {
      checkAccount(params, service.account.accountId);
      const keyName = params.string('keyName');
      if (!/^[A-Za-z0-9-]{1,100}$/.test(keyName)) throw badRequest(`bad keyName: ${keyName}`);
      const seconds = params.optionalInteger('validDurationInSeconds');
      if (seconds !== undefined && (seconds < 1 || seconds > MAX_SECONDS))
        throw badRequest(`validDurationInSeconds must be between 1 and ${MAX_SECONDS}`);
      const capabilities = (params.optionalStringList('capabilities') ?? []).map((name) => {
        if (!isCapability(name)) throw badRequest(`unknown capability: ${name}`);
        if (!creator.capabilities.includes(name)) throw badRequest(`the creating key lacks ${name}`);
        return name;
      });
      if (capabilities.length === 0) throw badRequest('required field capabilities is missing');
      const bucketIds = readBuckets(service, params);
      const namePrefix = params.optionalString('namePrefix') ?? null;
      if (namePrefix !== null && bucketIds === null) throw badRequest('namePrefix needs a bucket');
      const count = service.account.newKeyNumber().toString().padStart(10, '0');
      const key: ApplicationKey = {
        keyId: `005${service.account.accountId.slice(0, 12)}${count}`,
        key: `K005${createHash('sha256').update(`${service.account.accountId} key ${count}`).digest('base64url').slice(0, 27)}`,
        keyName,
        capabilities,
        bucketIds,
        namePrefix,
        expirationTimestamp: seconds === undefined ? null : service.clock.now() + seconds * 1000,
        madeByVersion: apiVersion,
      };
      service.keys.set(key.keyId, key);
      return { ...present(service, key, apiVersion), applicationKey: key.key };
    },
  },

  b2_list_keys: {
    capability: 'listKeys',
    run: (service, { params, apiVersion }) => {
      checkAccount(params, service.account.accountId);
      const count = readCount(params, 'maxKeyCount', { max: 10_000, pageRows: service.limits.pageRows });
      const start = params.optionalString('startApplicationKeyId') ?? '';
      const rest = [...service.keys.values()]
        .filter((key) => key.keyId >= start)
        .sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
      return {
        keys: rest.slice(0, count).map((key) => present(service, key, apiVersion)),
        nextApplicationKeyId: rest[count]?.keyId ?? null,
      };
    },
  },

  b2_delete_key: {
    capability: 'deleteKeys',
    run: (service, { params, apiVersion }) => {
      const keyId = params.string('applicationKeyId');
      const key = service.keys.get(keyId);
      if (key === undefined) throw badRequest(`application key does not exist: ${keyId}`);
      service.keys.delete(keyId);
      service.tokens.forgetKey(keyId);
      return present(service, key, apiVersion);
    },
  },
};

function readBuckets({ account }: Service, params: Params): readonly string[] | null {
  const single = params.optionalString('bucketId');
  const bucketIds = params.optionalStringList('bucketIds') ?? (single === undefined ? null : [single]);
  const unknown = bucketIds?.find((bucketId) => !account.buckets.has(bucketId));
  if (unknown !== undefined) throw new B2Error(400, 'bad_bucket_id', `Bucket ${unknown} does not exist`);
  return bucketIds;
}

function present({ account }: Service, key: ApplicationKey, apiVersion: number): Record<string, unknown> {
  return {
    accountId: account.accountId,
    applicationKeyId: key.keyId,
    keyName: key.keyName,
    capabilities: key.capabilities,
    ...(apiVersion >= 4 ? { bucketIds: key.bucketIds } : { bucketId: key.bucketIds?.[0] ?? null }),
    namePrefix: key.namePrefix,
    expirationTimestamp: key.expirationTimestamp,
    options: ['s3'],
  };
}
