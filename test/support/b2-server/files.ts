import { bucketOf } from './buckets.js';
import { B2Error, badRequest } from './errors.js';
import { requireBucket, requirePrefix, type ApplicationKey } from './keys.js';
import { checkFileName } from './names.js';
import {
  readLegalHold,
  readRetention,
  requireDeletable,
  requireLock,
  requireRetentionChange,
} from './object-lock.js';
import { presentFile } from './presentation.js';
import type { Call, Operations, Service } from './service.js';
import type { Bucket, FileVersion } from './state.js';

/** B2 API: single versions. */
export const fileOperations: Operations = {
  b2_get_file_info: {
    capability: 'readFiles',
    run: (service, call) => {
      const file = fileOf(service, call);
      return presentFile(service.account.accountId, file, call.key, call.apiVersion);
    },
  },

  b2_hide_file: {
    capability: 'writeFiles',
    run: (service, call) => {
      const { account } = service;
      const bucket = bucketOf(service, call);
      const fileName = call.params.string('fileName');
      checkFileName(fileName);
      requirePrefix(call.key, fileName);
      const newest = bucket.versions.get(fileName)?.find((version) => version.action !== 'start');
      if (newest === undefined) throw new B2Error(400, 'no_such_file', `File not present: ${fileName}`);
      if (newest.action === 'hide')
        throw new B2Error(400, 'already_hidden', `File already hidden: ${fileName}`);
      const marker = newMarker(service, bucket, fileName);
      account.addVersion(bucket, marker);
      return presentFile(account.accountId, marker, call.key, call.apiVersion);
    },
  },

  b2_delete_file_version: {
    capability: 'deleteFiles',
    run: (service, call) => {
      const file = fileByNameAndId(service, call);
      requireDeletable(file, call.key, call.params.boolean('bypassGovernance'), service.clock.now());
      service.account.removeVersion(file);
      return { fileId: file.fileId, fileName: file.fileName };
    },
  },

  b2_update_file_retention: {
    capability: 'writeFileRetentions',
    run: (service, call) => {
      const file = fileByNameAndId(service, call);
      requireLock(service.account.bucket(file.bucketId));
      const asked = call.params.optionalObject('fileRetention');
      if (asked === undefined) throw badRequest('required field fileRetention is missing');
      const next = readRetention(asked);
      requireRetentionChange(
        file.retention,
        next,
        call.key,
        call.params.boolean('bypassGovernance'),
        service.clock.now(),
      );
      file.retention = next;
      return {
        fileId: file.fileId,
        fileName: file.fileName,
        fileRetention: next ?? { mode: null, retainUntilTimestamp: null },
      };
    },
  },

  b2_update_file_legal_hold: {
    capability: 'writeFileLegalHolds',
    run: (service, call) => {
      const file = fileByNameAndId(service, call);
      requireLock(service.account.bucket(file.bucketId));
      file.legalHold = readLegalHold(call.params.string('legalHold'));
      return { fileId: file.fileId, fileName: file.fileName, legalHold: file.legalHold ?? null };
    },
  },
};

/** The file that the call names by `fileId`, which the key must be allowed to touch. */
export function fileOf({ account }: Service, { params, key }: Pick<Call, 'params' | 'key'>): FileVersion {
  const file = account.file(params.string('fileId'));
  requireFile(key, file);
  return file;
}

export function requireFile(key: ApplicationKey, file: FileVersion): void {
  requireBucket(key, file.bucketId);
  requirePrefix(key, file.fileName);
}

function fileByNameAndId({ account }: Service, { params, key }: Call): FileVersion {
  const fileName = params.string('fileName');
  const fileId = params.string('fileId');
  const file = account.files.get(fileId);
  if (file?.fileName !== fileName)
    throw new B2Error(400, 'file_not_present', `File not present: ${fileName} ${fileId}`);
  requireFile(key, file);
  return file;
}

function newMarker({ account }: Service, bucket: Bucket, fileName: string): FileVersion {
  const uploadTimestamp = account.timestamp();
  return {
    fileId: account.newFileId(bucket.bucketId, uploadTimestamp),
    fileName,
    bucketId: bucket.bucketId,
    action: 'hide',
    contentLength: 0,
    // What the live service was recorded to say, and what b2sdk relies on: the digest of nothing.
    contentSha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    contentMd5: null,
    contentType: 'application/x-bz-hide-marker',
    fileInfo: {},
    uploadTimestamp,
    encryption: undefined,
    retention: undefined,
    legalHold: undefined,
    bodies: [],
    parts: new Map(),
  };
}
