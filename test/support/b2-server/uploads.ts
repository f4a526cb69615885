import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { bucketOf } from './buckets.js';
import type { StoredBytes } from './bytes.js';
import { encryptionFor, readEncryptionHeaders, requireCustomerKey } from './encryption.js';
import { B2Error, badRequest, ConnectionGone } from './errors.js';
import { checkFileInfo, readFileInfoHeaders, resolveContentType } from './file-info.js';
import { requirePrefix } from './keys.js';
import { checkFileName, decodeName } from './names.js';
import { lockFor, readLegalHold, readRetentionHeaders } from './object-lock.js';
import { presentFile, presentPart } from './presentation.js';
import { receiveBody, type Interruption, type ReceivedBody } from './receive-body.js';
import type { Operations, Service } from './service.js';
import type { FileVersion, StoredPart } from './state.js';
import type { UploadToken } from './tokens.js';

export const uploadUrlOperations: Operations = {
  b2_get_upload_url: {
    capability: 'writeFiles',
    run: (service, call) => {
      const { bucketId } = bucketOf(service, call);
      const { token, path } = service.tokens.newUploadToken(
        call.key,
        { bucketId },
        `/b2api/v${call.apiVersion}/b2_upload_file/${bucketId}`,
      );
      return { bucketId, uploadUrl: call.baseUrl + path, authorizationToken: token };
    },
  },
};

/** One b2_upload_file or b2_upload_part as it comes in. */
export interface Arrival {
  readonly request: IncomingMessage;
  readonly path: string;
  readonly apiVersion: number;
  /** ms to wait before reading on, after so many bytes. */
  readonly pace: ((bytes: number) => number) | undefined;
  /** Planted: refuse with this once the body is read, whatever came. */
  readonly refusal: B2Error | ConnectionGone | undefined;
  /** Planted: what happens while the body comes in. When it stops the reading, `stopReason` is what the upload fails with. */
  readonly interruption: Interruption | undefined;
  readonly stopReason: B2Error | ConnectionGone;
  received(bytes: number): void;
}

/** How a checked body becomes state, and what is answered. */
interface Target {
  readonly fileId: string;
  readonly fileName: string;
  readonly partNumber: number | undefined;
  store(body: {
    bytes: StoredBytes;
    contentSha1: string;
    contentMd5: string | null;
  }): Record<string, unknown>;
}

interface Admission {
  readonly token: UploadToken | undefined;
  readonly target: Target | undefined;
  readonly claim: Sha1Claim;
  /** Known before the body: it is read all the same, then refused with this. */
  readonly refusal: B2Error | ConnectionGone | undefined;
}

/** Reads one upload to its end, checks it and stores it. The pair of URL and token survives only success and 429. */
export async function receiveUpload(service: Service, arrival: Arrival): Promise<Record<string, unknown>> {
  const contentLength = contentLengthOf(arrival.request.headers);
  const { token, target, claim, refusal } = admit(service, arrival, contentLength);
  let outcome: unknown = refusal;
  try {
    const trailerBytes = claim.atEnd ? 40 : 0;
    const keep = service.keepPartBytes && target?.partNumber !== undefined;
    const sink = refusal === undefined || keep ? service.bytes.sink(contentLength - trailerBytes) : undefined;
    const body = await receiveBody(arrival.request, {
      contentLength,
      trailerBytes,
      sink,
      wantMd5: service.bytes.keepsBytes && refusal === undefined,
      pace: arrival.pace,
      sleep: (ms) => service.clock.sleep(ms),
      interruption: arrival.interruption,
    });
    arrival.received(body.receivedBytes);
    outcome ??= refusalOf(body, claim, arrival);
    const accepted = outcome === undefined;
    const bytes = accepted || keep ? sink?.finish() : undefined;
    if (bytes === undefined) sink?.abort();
    if (target !== undefined)
      record(service, target, contentLength, body, accepted, keep ? bytes : undefined);
    if (!accepted || bytes === undefined || target === undefined) throw outcome;
    return target.store({
      bytes,
      contentSha1: claim.verify ? body.sha1 : `unverified:${body.sha1}`,
      contentMd5: body.md5 ?? null,
    });
  } catch (error) {
    outcome = error;
    throw error;
  } finally {
    if (token !== undefined) token.state = stateAfter(outcome, service.pairAfterBreak);
  }
}

/**
 * What becomes of a pair: free after success and 429, dead after any other answer. Where the connection went away B2 may still be
 * waiting for the rest, and a client that uses the pair again gets `auth_token_limit`.
 */
function stateAfter(outcome: unknown, afterBreak: 'busy' | 'free'): UploadToken['state'] {
  if (outcome === undefined || (outcome instanceof B2Error && outcome.status === 429)) return 'free';
  return outcome instanceof B2Error ? 'dead' : afterBreak;
}

function admit(service: Service, arrival: Arrival, contentLength: number): Admission {
  const { headers } = arrival.request;
  let token: UploadToken | undefined;
  let target: Target | undefined;
  let claim: Sha1Claim = { verify: false, atEnd: false };
  let { refusal } = arrival;
  try {
    token = service.tokens.takeUpload(headers.authorization, arrival.path);
    claim = readSha1(headers);
    target =
      'fileId' in token.target
        ? partTarget(service, headers, token.target.fileId, contentLength)
        : fileTarget(service, arrival, token, token.target.bucketId, contentLength);
  } catch (error) {
    if (!(error instanceof B2Error)) throw error;
    refusal ??= error;
  }
  return { token, target, claim, refusal };
}

function refusalOf(
  body: ReceivedBody,
  claim: Sha1Claim,
  arrival: Arrival,
): B2Error | ConnectionGone | undefined {
  if (body.outcome === 'gone') return new ConnectionGone('client closed the connection');
  if (body.outcome === 'stopped') return arrival.stopReason;
  const claimed = claim.atEnd ? body.trailer.toLowerCase() : claim.sha1;
  if (claim.verify && claimed !== body.sha1) return badRequest(`Checksum did not match data received`);
  return undefined;
}

function record(
  service: Service,
  target: Target,
  contentLength: number,
  body: ReceivedBody,
  stored: boolean,
  bytes: StoredBytes | undefined,
): void {
  const { fileId, fileName, partNumber } = target;
  if (partNumber === undefined) return;
  const { receivedBytes, sha1 } = body;
  service.parts.push({ fileId, fileName, partNumber, contentLength, receivedBytes, sha1, stored, bytes });
}

/** What X-Bz-Content-Sha1 says: digits, `hex_digits_at_end`, or `do_not_verify`. */
interface Sha1Claim {
  readonly verify: boolean;
  readonly atEnd: boolean;
  readonly sha1?: string;
}

function readSha1(headers: IncomingHttpHeaders): Sha1Claim {
  const value = header(headers, 'X-Bz-Content-Sha1');
  if (value === 'hex_digits_at_end') return { verify: true, atEnd: true };
  if (value === 'do_not_verify') return { verify: false, atEnd: false };
  if (!/^[0-9a-fA-F]{40}$/.test(value)) throw badRequest(`Invalid X-Bz-Content-Sha1: ${value}`);
  return { verify: true, atEnd: false, sha1: value.toLowerCase() };
}

/** B2 takes no chunked transfer: the length must be known. @throws B2Error at once, without reading the body. */
function contentLengthOf(headers: IncomingHttpHeaders): number {
  const text = headers['content-length'];
  if (text === undefined) throw badRequest('Missing header: Content-Length');
  return Number(text);
}

function partTarget(
  service: Service,
  headers: IncomingHttpHeaders,
  fileId: string,
  contentLength: number,
): Target {
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

function fileTarget(
  service: Service,
  arrival: Arrival,
  token: UploadToken,
  bucketId: string,
  contentLength: number,
): Target {
  const { account, clock, limits } = service;
  const { headers } = arrival.request;
  const bucket = account.bucket(bucketId);
  const fileName = decodeName(header(headers, 'X-Bz-File-Name'));
  checkFileName(fileName);
  requirePrefix(token.key, fileName);
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
  const lock = lockFor(bucket, token.key, asked, clock.now());
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
      return presentFile(account.accountId, file, token.key, arrival.apiVersion);
    },
  };
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = optional(headers, name);
  if (value === undefined) throw badRequest(`Missing header: ${name}`);
  return value;
}

function optional(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}
