import { createHash } from 'node:crypto';
import { readRange, readFile } from './downloads.js';
import { encryptionFor, readEncryption, requireCustomerKey } from './encryption.js';
import { B2Error, badRequest } from './errors.js';
import { checkFileInfo, resolveContentType } from './file-info.js';
import { requireFile } from './files.js';
import { requireBucket, requireCapability, requirePrefix } from './keys.js';
import { checkFileName } from './names.js';
import { lockFor, readLegalHold, readRetention } from './object-lock.js';
import type { StoredBytes } from './bytes.js';
import { presentFile, presentPart } from './presentation.js';
import type { Call, Operations, Service } from './service.js';
import type { FileVersion, StoredPart } from './state.js';

/** B2 API: copies inside the account, of a whole file or of a range. */
export const copyOperations: Operations = {
  b2_copy_file: {
    capability: 'writeFiles',
    run: (service, call) => {
      const { account } = service;
      const { params, key } = call;
      const source = sourceOf(service, call);
      const bucketId = params.optionalString('destinationBucketId') ?? source.bucketId;
      requireBucket(key, bucketId);
      const bucket = account.bucket(bucketId);
      const fileName = params.string('fileName');
      checkFileName(fileName);
      requirePrefix(key, fileName);
      const replace = params.optionalString('metadataDirective') === 'REPLACE';
      if (!replace && (params.has('contentType') || params.has('fileInfo')))
        throw badRequest('contentType and fileInfo need metadataDirective REPLACE');
      const copy = copyBytes(service, source, params.optionalString('range'));
      if (copy.bytes.length > service.limits.maxFileBytes)
        throw badRequest(`Copy source is too big: ${copy.bytes.length}`);
      const asked = {
        retention: readRetention(params.optionalObject('fileRetention')),
        legalHold: readLegalHold(params.optionalString('legalHold')),
      };
      const uploadTimestamp = account.timestamp();
      const file: FileVersion = {
        fileId: account.newFileId(bucketId, uploadTimestamp),
        fileName,
        bucketId,
        action: 'upload',
        contentLength: copy.bytes.length,
        contentSha1: copy.sha1,
        contentMd5: null,
        contentType: replace
          ? resolveContentType(params.string('contentType'), fileName)
          : source.contentType,
        fileInfo: replace ? checkFileInfo(fileName, params.stringMap('fileInfo'), 7000) : source.fileInfo,
        uploadTimestamp,
        encryption: encryptionFor(
          bucket,
          readEncryption(params.optionalObject('destinationServerSideEncryption')),
        ),
        ...lockFor(bucket, key, asked, service.clock.now()),
        bodies: [copy.bytes],
        parts: new Map(),
      };
      account.addVersion(bucket, file);
      return { ...presentFile(account.accountId, file, key, call.apiVersion), action: 'copy' };
    },
  },

  b2_copy_part: {
    capability: 'writeFiles',
    run: (service, call) => {
      const { account, limits } = service;
      const { params, key } = call;
      const source = sourceOf(service, call);
      const largeFileId = params.string('largeFileId');
      const file = account.unfinished(largeFileId, `No active upload for: ${largeFileId}`);
      requireFile(key, file);
      const partNumber = params.integer('partNumber');
      if (partNumber < 1 || partNumber > limits.maxParts)
        throw badRequest(`Part number must be between 1 and ${limits.maxParts}`);
      const { bytes, sha1 } = copyBytes(service, source, params.optionalString('range'));
      const part: StoredPart = {
        partNumber,
        contentLength: bytes.length,
        contentSha1: sha1,
        contentMd5: null,
        uploadTimestamp: service.clock.now(),
        bytes,
      };
      file.parts.get(partNumber)?.bytes.discard();
      file.parts.set(partNumber, part);
      return presentPart(largeFileId, part, file.encryption);
    },
  },
};

function sourceOf({ account }: Service, { params, key }: Call): FileVersion {
  const source = account.file(params.string('sourceFileId'));
  if (account.bucket(source.bucketId).bucketType !== 'allPublic') requireCapability(key, 'readFiles');
  requireFile(key, source);
  if (source.action !== 'upload') throw new B2Error(400, 'bad_request', `File not present: ${source.fileId}`);
  requireCustomerKey(source.encryption, readEncryption(params.optionalObject('sourceServerSideEncryption')));
  return source;
}

function copyBytes(
  service: Service,
  source: FileVersion,
  range: string | undefined,
): { bytes: StoredBytes; sha1: string } {
  const [body, ...others] = source.bodies;
  // What is copied whole is not read: it may be gigabytes, and in drop mode it is not there.
  if (range === undefined && body !== undefined && others.length === 0 && isSha1(source.contentSha1))
    return { bytes: body.share(), sha1: source.contentSha1 };
  const { from, to } = readRange(range, source.contentLength) ?? { from: 0, to: source.contentLength };
  const sink = service.bytes.sink(to - from);
  const sha1 = createHash('sha1');
  for (const piece of readFile(source, from, to)) {
    sha1.update(piece);
    sink.write(Buffer.from(piece));
  }
  return { bytes: sink.finish(), sha1: sha1.digest('hex') };
}

/** A large file has none, and one that was not checked says so. */
function isSha1(recorded: string | null): recorded is string {
  return recorded !== null && /^[0-9a-f]{40}$/.test(recorded);
}
