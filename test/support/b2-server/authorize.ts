import { B2Error, badRequest } from './errors.js';
import type { ApplicationKey } from './keys.js';
import type { Service } from './service.js';

/** b2_authorize_account: `Authorization: Basic keyId:key`. The answer's shape goes by the API version of the path. */
export function authorizeAccount(
  service: Service,
  {
    apiVersion,
    baseUrl,
    authorization,
    tokenUses,
  }: { apiVersion: number; baseUrl: string; authorization: string | undefined; tokenUses?: number },
): Record<string, unknown> {
  const key = keyOfBasic(service, authorization);
  // As reported of the live service since the middle of 2025: also keys for one bucket, if version 4 made them.
  if (apiVersion < 4 && key.bucketIds !== null && (key.madeByVersion >= 4 || key.bucketIds.length > 1)) {
    throw badRequest(`This request is not currently supported on API version number ${apiVersion}`);
  }
  const accountId = service.account.accountId;
  const authorizationToken = service.tokens.newAccountToken(key, tokenUses);
  const places = {
    apiUrl: baseUrl,
    downloadUrl: baseUrl,
    s3ApiUrl: baseUrl,
    recommendedPartSize: service.limits.recommendedPartBytes,
    absoluteMinimumPartSize: service.limits.minPartBytes,
  };
  const [bucketId = null] = key.bucketIds ?? [];
  const bucketName = bucketId === null ? null : (service.account.buckets.get(bucketId)?.bucketName ?? null);
  const { capabilities, namePrefix } = key;
  if (apiVersion <= 2) {
    return {
      accountId,
      authorizationToken,
      ...places,
      ...(apiVersion === 1 ? { minimumPartSize: service.limits.recommendedPartBytes } : {}),
      allowed: { capabilities, bucketId, bucketName, namePrefix },
    };
  }
  const buckets =
    key.bucketIds?.map((id) => ({ id, name: service.account.buckets.get(id)?.bucketName ?? null })) ?? null;
  return {
    accountId,
    authorizationToken,
    applicationKeyExpirationTimestamp: key.expirationTimestamp,
    apiInfo: {
      storageApi:
        apiVersion === 3
          ? { infoType: 'storageApi', ...places, capabilities, bucketId, bucketName, namePrefix }
          : { ...places, allowed: { buckets, capabilities, namePrefix } },
    },
  };
}

function keyOfBasic({ keys, clock }: Service, authorization: string | undefined): ApplicationKey {
  const credentials = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1] ?? '';
  const [keyId = '', ...rest] = Buffer.from(credentials, 'base64').toString().split(':');
  const key = keys.get(keyId);
  const expired = key?.expirationTimestamp != null && key.expirationTimestamp <= clock.now();
  if (key?.key !== rest.join(':') || expired) throw new B2Error(401, 'unauthorized', '');
  return key;
}
