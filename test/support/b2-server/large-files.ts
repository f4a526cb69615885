import { bucketOf } from './buckets.js';
import { B2Error, badRequest } from './errors.js';
import { encryptionFor, readEncryption } from './encryption.js';
import { checkFileInfo, resolveContentType } from './file-info.js';
import { requireFile } from './files.js';
import { requirePrefix, type ApplicationKey } from './keys.js';
import { readCount } from './listing.js';
import { checkFileName } from './names.js';
import { lockFor, readLegalHold, readRetention } from './object-lock.js';
import { presentFile, presentPart } from './presentation.js';
import type { Call, Limits, Operations, Service } from './service.js';
import type { FileVersion, StoredPart } from './state.js';

/** B2 API: Large Files. The upload of a part itself is in uploads.ts. */
export const largeFileOperations: Operations = {
  b2_start_large_file: {
    capability: 'writeFiles',
    run: (service, call) => {
      const { account, clock } = service;
      const { params, key } = call;
      const bucket = bucketOf(service, call);
      const fileName = params.string('fileName');
      checkFileName(fileName);
      requirePrefix(key, fileName);
      if (params.has('customUploadTimestamp'))
        throw new B2Error(400, 'custom_timestamp_not_allowed', 'custom upload timestamps are not enabled');
      const encryption = encryptionFor(bucket, readEncryption(params.optionalObject('serverSideEncryption')));
      const asked = {
        retention: readRetention(params.optionalObject('fileRetention')),
        legalHold: readLegalHold(params.optionalString('legalHold')),
      };
      const lock = lockFor(bucket, key, asked, clock.now());
      const limited =
        encryption !== undefined || lock.retention !== undefined || lock.legalHold !== undefined;
      const uploadTimestamp = account.timestamp();
      const file: FileVersion = {
        fileId: account.newFileId(bucket.bucketId, uploadTimestamp),
        fileName,
        bucketId: bucket.bucketId,
        action: 'start',
        contentLength: 0,
        contentSha1: 'none',
        contentMd5: null,
        contentType: resolveContentType(params.string('contentType'), fileName),
        fileInfo: checkFileInfo(fileName, params.stringMap('fileInfo'), limited ? 2048 : 7000),
        uploadTimestamp,
        encryption,
        ...lock,
        bodies: [],
        parts: new Map(),
      };
      account.addVersion(bucket, file);
      return presentFile(account.accountId, file, key, call.apiVersion);
    },
  },

  b2_get_upload_part_url: {
    capability: 'writeFiles',
    run: (service, call) => {
      const fileId = call.params.string('fileId');
      const file = service.account.unfinished(fileId, `No active upload for: ${fileId}`);
      requireFile(call.key, file);
      const { token, path } = service.tokens.newUploadToken(
        call.key,
        { fileId },
        `/b2api/v${call.apiVersion}/b2_upload_part/${fileId}`,
      );
      return { fileId, uploadUrl: call.baseUrl + path, authorizationToken: token };
    },
  },

  b2_list_parts: {
    capability: 'writeFiles',
    run: (service, call) => {
      const { params } = call;
      const fileId = params.string('fileId');
      const file = service.account.unfinished(fileId, `Invalid fileId: ${fileId}`);
      requireFile(call.key, file);
      const start = params.optionalInteger('startPartNumber') ?? 1;
      const count = readCount(params, 'maxPartCount', { max: 1000, pageRows: service.limits.pageRows });
      const rest = partsInOrder(file).filter((part) => part.partNumber >= start);
      return {
        parts: rest.slice(0, count).map((part) => presentPart(fileId, part, file.encryption)),
        nextPartNumber: rest[count]?.partNumber ?? null,
      };
    },
  },

  b2_finish_large_file: {
    capability: 'writeFiles',
    run: (service, call) => {
      const { account, limits } = service;
      const file = unfinishedOf(service, call);
      const parts = partsInOrder(file);
      checkParts(parts, call.params.optionalStringList('partSha1Array') ?? [], limits);
      file.bodies = parts.map((part) => part.bytes);
      file.contentLength = parts.reduce((sum, part) => sum + part.contentLength, 0);
      file.action = 'upload';
      return presentFile(account.accountId, file, call.key, call.apiVersion);
    },
  },

  b2_cancel_large_file: {
    capability: 'writeFiles',
    run: (service, call) => {
      const file = unfinishedOf(service, call);
      service.account.removeVersion(file);
      return {
        fileId: file.fileId,
        accountId: service.account.accountId,
        bucketId: file.bucketId,
        fileName: file.fileName,
      };
    },
  },
};

export function partsInOrder(file: FileVersion): StoredPart[] {
  return [...file.parts.values()].sort((a, b) => a.partNumber - b.partNumber);
}

function unfinishedOf(
  service: Service,
  { params, key }: { params: Call['params']; key: ApplicationKey },
): FileVersion {
  const fileId = params.string('fileId');
  const file = service.account.unfinished(fileId, `No active upload for: ${fileId}`);
  requireFile(key, file);
  return file;
}

/** What must hold before a large file is finished; otherwise nothing changes. */
function checkParts(parts: readonly StoredPart[], sha1s: readonly string[], limits: Limits): void {
  if (parts.length < 2) throw badRequest('large files must have at least 2 parts');
  const gap = parts.findIndex((part, index) => part.partNumber !== index + 1);
  if (gap !== -1) throw new B2Error(400, 'missing_part', `Part number ${gap + 1} has not been uploaded`);
  if (sha1s.length < parts.length)
    throw badRequest(`partSha1Array has ${sha1s.length} entries, ${parts.length} parts were uploaded`);
  if (sha1s.length > parts.length)
    throw new B2Error(400, 'missing_part', `Part number ${parts.length + 1} has not been uploaded`);
  for (const [index, part] of parts.entries()) {
    if (part.contentSha1.replace('unverified:', '') !== sha1s[index]?.toLowerCase()) {
      throw new B2Error(
        400,
        'part_sha1_mismatch',
        `checksum differs from the one uploaded for part ${part.partNumber}`,
      );
    }
    if (index < parts.length - 1 && part.contentLength < limits.minPartBytes) {
      throw badRequest(
        `part ${part.partNumber} is smaller than minimum part size: ${part.contentLength} < ${limits.minPartBytes}`,
      );
    }
  }
}
