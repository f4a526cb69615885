import { may, type ApplicationKey } from './keys.js';
import type { Bucket, FileVersion, ServerSideEncryption, StoredPart } from './state.js';

/** A file version as B2 shows it to the holder of `key`. Version 1 rows also carry `size`. */
export function presentFile(
  accountId: string,
  file: FileVersion,
  key: ApplicationKey,
  apiVersion: number,
): Record<string, unknown> {
  const common = {
    accountId,
    action: file.action,
    bucketId: file.bucketId,
    contentLength: file.contentLength,
    ...(apiVersion === 1 ? { size: file.contentLength } : {}),
    contentMd5: file.contentMd5,
    contentSha1: file.contentSha1,
    contentType: file.contentType,
    fileId: file.fileId,
    fileInfo: file.fileInfo,
    fileName: file.fileName,
    uploadTimestamp: file.uploadTimestamp,
  };
  if (file.action === 'hide') return common;
  const retention = may(key, 'readFileRetentions');
  const legalHold = may(key, 'readFileLegalHolds');
  return {
    ...common,
    fileRetention: {
      isClientAuthorizedToRead: retention,
      value: retention ? (file.retention ?? { mode: null, retainUntilTimestamp: null }) : null,
    },
    legalHold: { isClientAuthorizedToRead: legalHold, value: legalHold ? (file.legalHold ?? null) : null },
    serverSideEncryption: presentEncryption(file.encryption),
  };
}

/** A row of a listing that stands for all names up to the delimiter. */
export function presentFolder(
  accountId: string,
  bucketId: string,
  fileName: string,
  apiVersion: number,
): Record<string, unknown> {
  return {
    accountId,
    action: 'folder',
    bucketId,
    contentLength: 0,
    ...(apiVersion === 1 ? { size: 0 } : {}),
    contentMd5: null,
    contentSha1: null,
    contentType: null,
    fileId: null,
    fileInfo: {},
    fileName,
    fileRetention: { isClientAuthorizedToRead: false, value: null },
    legalHold: { isClientAuthorizedToRead: false, value: null },
    serverSideEncryption: presentEncryption(undefined),
    uploadTimestamp: 0,
  };
}

export function presentPart(
  fileId: string,
  part: StoredPart,
  encryption: ServerSideEncryption | undefined,
): Record<string, unknown> {
  return {
    fileId,
    partNumber: part.partNumber,
    contentLength: part.contentLength,
    contentSha1: part.contentSha1,
    contentMd5: part.contentMd5,
    serverSideEncryption: presentEncryption(encryption),
    uploadTimestamp: part.uploadTimestamp,
  };
}

export function presentBucket(
  accountId: string,
  bucket: Bucket,
  key: ApplicationKey,
): Record<string, unknown> {
  const encryption = may(key, 'readBucketEncryption');
  const retentions = may(key, 'readBucketRetentions');
  const replications = may(key, 'readBucketReplications');
  return {
    accountId,
    bucketId: bucket.bucketId,
    bucketName: bucket.bucketName,
    bucketType: bucket.bucketType,
    bucketInfo: bucket.bucketInfo,
    corsRules: bucket.corsRules,
    lifecycleRules: bucket.lifecycleRules,
    options: ['s3'],
    revision: bucket.revision,
    defaultServerSideEncryption: {
      isClientAuthorizedToRead: encryption,
      value: encryption ? presentEncryption(bucket.defaultEncryption) : null,
    },
    fileLockConfiguration: {
      isClientAuthorizedToRead: retentions,
      value: retentions
        ? {
            defaultRetention: bucket.defaultRetention ?? { mode: null, period: null },
            isFileLockEnabled: bucket.fileLockEnabled,
          }
        : null,
    },
    replicationConfiguration: { isClientAuthorizedToRead: replications, value: null },
  };
}

function presentEncryption(encryption: ServerSideEncryption | undefined): Record<string, unknown> {
  return encryption === undefined
    ? { mode: null, algorithm: null }
    : { mode: encryption.mode, algorithm: encryption.algorithm };
}
