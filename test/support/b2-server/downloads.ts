import type { IncomingHttpHeaders } from 'node:http';
import { bucketByName, bucketOf } from './buckets.js';
import { readEncryptionHeaders, requireCustomerKey } from './encryption.js';
import { B2Error, badRequest, notFound, unauthorized } from './errors.js';
import { fileInfoHeaders } from './file-info.js';
import { requireFile } from './files.js';
import { badToken, may, requireCapability, requirePrefix, type ApplicationKey } from './keys.js';
import { decodeName, encodeName } from './names.js';
import type { Params } from './params.js';
import type { Operations, Service } from './service.js';
import { visibleVersion, type Bucket, type FileVersion } from './state.js';

/** Query parameters that set a header of the download's answer, and that header. */
const OVERRIDES = {
  b2ContentDisposition: 'Content-Disposition',
  b2ContentLanguage: 'Content-Language',
  b2ContentEncoding: 'Content-Encoding',
  b2ContentType: 'Content-Type',
  b2Expires: 'Expires',
  b2CacheControl: 'Cache-Control',
} as const;

export const downloadAuthorizationOperations: Operations = {
  b2_get_download_authorization: {
    capability: 'shareFiles',
    run: (service, call) => {
      const { params } = call;
      const { bucketId } = bucketOf(service, call);
      const namePrefix = params.string('fileNamePrefix');
      requirePrefix(call.key, namePrefix);
      const seconds = params.integer('validDurationInSeconds');
      if (seconds < 1 || seconds > 604_800)
        throw badRequest('validDurationInSeconds must be between 1 and 604800');
      const required = Object.fromEntries(
        Object.keys(OVERRIDES).flatMap((name) => {
          const value = params.optionalString(name);
          return value === undefined ? [] : [[name, value]];
        }),
      );
      return {
        bucketId,
        fileNamePrefix: namePrefix,
        authorizationToken: service.tokens.newDownloadToken({ bucketId, namePrefix, required }, seconds),
      };
    },
  },
};

export interface DownloadCall {
  readonly headers: IncomingHttpHeaders;
  /** Decoded query, with the fields of a POST body. */
  readonly params: Params;
}

/** What a download answers, before any fault: headers, and the bytes when the method wants them. */
export interface Download {
  readonly status: 200 | 206;
  readonly headers: Record<string, string>;
  readonly fileName: string;
  readonly fileId: string;
  bytes(): Iterable<Uint8Array>;
}

export function downloadById(service: Service, call: DownloadCall): Download {
  const token = tokenOf(call);
  const file = service.account.file(call.params.string('fileId'));
  const bucket = service.account.bucket(file.bucketId);
  if (token === undefined) requirePublic(bucket);
  const key = token === undefined ? undefined : service.tokens.accountKey(token);
  if (key !== undefined) {
    requireCapability(key, 'readFiles');
    requireFile(key, file);
  }
  return answer(call, file, key, token !== undefined);
}

/** `path`: what follows `/file/`, still encoded. */
export function downloadByName(service: Service, call: DownloadCall, path: string): Download {
  const slash = path.indexOf('/');
  const bucketName = decodeName(slash === -1 ? path : path.slice(0, slash));
  const fileName = slash === -1 ? '' : decodeName(path.slice(slash + 1));
  const token = tokenOf(call);
  const bucket = bucketByName(service, bucketName);
  const key = authorizeName(service, call, token, bucket, fileName);
  if (bucket === undefined) throw notFound(`bucket ${bucketName} not found`);
  const file = visibleVersion(bucket.versions.get(fileName));
  if (file === undefined) throw notFound(`File with such name does not exist: ${fileName}`);
  return answer(call, file, key, token !== undefined);
}

function tokenOf({ headers, params }: DownloadCall): string | undefined {
  return headers.authorization ?? params.optionalString('Authorization');
}

/** Without a token, public buckets only. */
function requirePublic(bucket: Bucket | undefined): void {
  if (bucket?.bucketType !== 'allPublic')
    throw new B2Error(401, 'missing_auth_token', 'no authorization token was given');
}

/** @returns the key, or undefined where a download token or nothing at all opens the file. */
function authorizeName(
  service: Service,
  call: DownloadCall,
  token: string | undefined,
  bucket: Bucket | undefined,
  fileName: string,
): ApplicationKey | undefined {
  if (token === undefined) {
    requirePublic(bucket);
    return undefined;
  }
  const shared = service.tokens.download(token);
  if (shared !== undefined) {
    if (bucket?.bucketId !== shared.bucketId || !fileName.startsWith(shared.namePrefix))
      throw unauthorized('unauthorized for this file');
    for (const [name, value] of Object.entries(shared.required)) {
      if (call.params.optionalString(name) !== value)
        throw badToken(`download authorization: ${name} differs`);
    }
    return undefined;
  }
  const key = service.tokens.accountKey(token);
  requireCapability(key, 'readFiles');
  if (key.bucketIds !== null && (bucket === undefined || !key.bucketIds.includes(bucket.bucketId)))
    throw unauthorized('unauthorized for this bucket');
  requirePrefix(key, fileName);
  return key;
}

function answer(
  call: DownloadCall,
  file: FileVersion,
  key: ApplicationKey | undefined,
  hasToken: boolean,
): Download {
  if (file.action !== 'upload') throw notFound(`File not present: ${file.fileId}`);
  requireCustomerKey(file.encryption, readEncryptionHeaders(call.headers));
  const range = readRange(call.headers.range, file.contentLength);
  const { from, to } = range ?? { from: 0, to: file.contentLength };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      'Content-Length': String(to - from),
      'Content-Type': file.contentType,
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'max-age=0, no-cache, no-store',
      ...(range === undefined ? {} : { 'Content-Range': `bytes ${from}-${to - 1}/${file.contentLength}` }),
      'X-Bz-File-Id': file.fileId,
      'X-Bz-File-Name': encodeName(file.fileName),
      'X-Bz-Content-Sha1': file.contentSha1 ?? 'none',
      'X-Bz-Upload-Timestamp': String(file.uploadTimestamp),
      ...fileInfoHeaders(file.fileInfo),
      ...encryptionHeaders(file),
      ...lockHeaders(file, key),
      ...overrides(call.params, hasToken),
    },
    fileName: file.fileName,
    fileId: file.fileId,
    bytes: () => readFile(file, from, to),
  };
}

/** Bytes `from` (inclusive) to `to` (exclusive) of a finished file. */
export function* readFile(file: FileVersion, from: number, to: number): Iterable<Uint8Array> {
  let start = 0;
  for (const body of file.bodies) {
    const end = start + body.length;
    if (end > from && start < to)
      yield* body.read(Math.max(0, from - start), Math.min(body.length, to - start));
    start = end;
  }
}

/** `Range: bytes=a-b`, `a-` or `-n`. What is not understood is ignored, as HTTP has it. @throws range_not_satisfiable */
export function readRange(
  header: string | undefined,
  length: number,
): { from: number; to: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first);
  const to = first === '' || last === '' ? length : Math.min(length, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (from >= to)
    throw new B2Error(
      416,
      'range_not_satisfiable',
      'The Range in the request is outside the size of the file',
    );
  return { from, to };
}

function encryptionHeaders({ encryption }: FileVersion): Record<string, string> {
  if (encryption === undefined) return {};
  if (encryption.mode === 'SSE-B2') return { 'X-Bz-Server-Side-Encryption': encryption.algorithm };
  return {
    'X-Bz-Server-Side-Encryption-Customer-Algorithm': encryption.algorithm,
    'X-Bz-Server-Side-Encryption-Customer-Key-Md5': Buffer.from(
      encryption.customerKeyMd5 ?? '',
      'hex',
    ).toString('base64'),
  };
}

function lockHeaders(file: FileVersion, key: ApplicationKey | undefined): Record<string, string> {
  const hidden: string[] = [];
  const headers: Record<string, string> = {};
  if (file.retention !== undefined) {
    if (key !== undefined && may(key, 'readFileRetentions')) {
      headers['X-Bz-File-Retention-Mode'] = file.retention.mode;
      headers['X-Bz-File-Retention-Retain-Until-Timestamp'] = String(file.retention.retainUntilTimestamp);
    } else {
      hidden.push('X-Bz-File-Retention-Mode', 'X-Bz-File-Retention-Retain-Until-Timestamp');
    }
  }
  if (file.legalHold !== undefined) {
    if (key !== undefined && may(key, 'readFileLegalHolds')) headers['X-Bz-File-Legal-Hold'] = file.legalHold;
    else hidden.push('X-Bz-File-Legal-Hold');
  }
  return hidden.length === 0 ? headers : { ...headers, 'X-Bz-Client-Unauthorized-To-Read': hidden.join(',') };
}

function overrides(params: Params, hasToken: boolean): Record<string, string> {
  const given = Object.entries(OVERRIDES).filter(([name]) => params.has(name));
  if (given.length > 0 && !hasToken) throw badRequest('b2Content… parameters need an authorization token');
  return Object.fromEntries(given.map(([name, header]) => [header, params.string(name)]));
}
