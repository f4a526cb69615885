import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { bucketOf } from './buckets.js';
import type { StoredBytes } from './bytes.js';
import { B2Error, badRequest, ConnectionGone } from './errors.js';
import { receiveBody, type Interruption, type ReceivedBody } from './receive-body.js';
import type { Operations, Service } from './service.js';
import type { UploadToken } from './tokens.js';
import { fileTarget, header, partTarget, type Target } from './upload-targets.js';

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
    const head = { headers, contentLength, apiVersion: arrival.apiVersion };
    target =
      'fileId' in token.target
        ? partTarget(service, head, token.target.fileId)
        : fileTarget(service, head, token.key, token.target.bucketId);
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
