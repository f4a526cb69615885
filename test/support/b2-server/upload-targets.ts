import type { IncomingHttpHeaders } from 'node:http';
import type { StoredBytes } from './bytes.js';
import { encryptionFor, readEncryptionHeaders, requireCustomerKey } from './encryption.js';
import { B2Error, badRequest } from './errors.js';
import { checkFileInfo, readFileInfoHeaders, resolveContentType } from './file-info.js';
import { requirePrefix, type ApplicationKey } from './keys.js';
import { checkFileName, decodeName } from './names.js';
import { lockFor, readLegalHold, readRetentionHeaders } from './object-lock.js';
import { presentFile, presentPart } from './presentation.js';
import type { Service } from './service.js';
import type { FileVersion, StoredPart } from './state.js';

/** What the headers of an upload say about it. */
export interface UploadHead {
  readonly headers: IncomingHttpHeaders;
  readonly contentLength: number;
  readonly apiVersion: number;
}

/** How a checked body becomes state, and what is answered. */
export interface Target {
  readonly fileId: string;
  readonly fileName: string;
  readonly partNumber: number | undefined;
  store(body: {
    bytes: StoredBytes;
    contentSha1: string;
    contentMd5: string | null;
  }): Record<string, unknown>;
}

/** A part of an unfinished large file. @throws B2Error where the headers do not allow it */
export function partTarget(service: Service, { headers, contentLength }: UploadHead, fileId: string): Target {
  const { account, limits } = service;
  const none = `No active upload for: ${fileId}`;
  const file = account.unfinished(fileId, none);
  const partNumber = Number(header(headers, 'X-Bz-Part-Number'));
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > limits.maxParts) {
    throw badRequest(`Part number must be between 1 and ${limits.maxParts}`);
  }
  if (contentLength < 1) throw badRequest('part must not be empty');
  if (contentLength > limits.maxPartBytes) throw badRequest(`part size too big: ${contentLength}`);
  if (headers['x-bz-server-side-encryption'] !== undefined)
    throw badRequest('X-Bz-Server-Side-Encryption is not allowed for parts');
  requireCustomerKey(file.encryption, readEncryptionHeaders(headers));
  return {
    fileId,
    fileName: file.fileName,
    partNumber,
    store: ({ bytes, contentSha1, contentMd5 }) => {
      account.unfinished(fileId, none);
      const part: StoredPart = {
        partNumber,
        contentLength: bytes.length,
        contentSha1,
        contentMd5,
        uploadTimestamp: service.clock.now(),
        bytes,
      };
      file.parts.get(partNumber)?.bytes.discard();
      file.parts.set(partNumber, part);
      return presentPart(fileId, part, file.encryption);
    },
  };
}

const FORBIDDEN = [
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'expires',
];

/** A file of one piece. @throws B2Error where name, file info, lock or length are not allowed */
export function fileTarget(
  service: Service,
  { headers, contentLength, apiVersion }: UploadHead,
  key: ApplicationKey,
  bucketId: string,
): Target {
  const { account, clock, limits } = service;
  const bucket = account.bucket(bucketId);
  const fileName = decodeName(header(headers, 'X-Bz-File-Name'));
  checkFileName(fileName);
  requirePrefix(key, fileName);
  const forbidden = FORBIDDEN.find((name) => headers[name] !== undefined);
  if (forbidden !== undefined) throw badRequest(`header ${forbidden} is not allowed`);
  if (contentLength > limits.maxFileBytes) throw badRequest(`file size too big: ${contentLength}`);
  if (headers['x-bz-custom-upload-timestamp'] !== undefined) {
    throw new B2Error(400, 'custom_timestamp_not_allowed', 'custom upload timestamps are not enabled');
  }
  const contentType = resolveContentType(header(headers, 'Content-Type'), fileName);
  const encryption = encryptionFor(bucket, readEncryptionHeaders(headers));
  const asked = {
    retention: readRetentionHeaders(headers),
    legalHold: readLegalHold(optional(headers, 'X-Bz-File-Legal-Hold')),
  };
  const lock = lockFor(bucket, key, asked, clock.now());
  const limited = encryption !== undefined || lock.retention !== undefined || lock.legalHold !== undefined;
  const fileInfo = checkFileInfo(fileName, readFileInfoHeaders(headers), limited ? 2048 : 7000);
  const uploadTimestamp = account.timestamp();
  const fileId = account.newFileId(bucketId, uploadTimestamp);
  return {
    fileId,
    fileName,
    partNumber: undefined,
    store: ({ bytes, contentSha1, contentMd5 }) => {
      const file: FileVersion = {
        fileId,
        fileName,
        bucketId,
        action: 'upload',
        contentLength: bytes.length,
        contentSha1,
        contentMd5,
        contentType,
        fileInfo,
        uploadTimestamp,
        encryption,
        ...lock,
        bodies: [bytes],
        parts: new Map(),
      };
      account.addVersion(account.bucket(bucketId), file);
      return presentFile(account.accountId, file, key, apiVersion);
    },
  };
}

export function header(headers: IncomingHttpHeaders, name: string): string {
  const value = optional(headers, name);
  if (value === undefined) throw badRequest(`Missing header: ${name}`);
  return value;
}

function optional(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}
