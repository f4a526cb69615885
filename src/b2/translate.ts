/** B2's answers and the network's errors, translated once into `Trouble`. Pure. */
import { oneLine } from '../errors.js';
import { describeBuckets, type Allowed } from './authorization.js';
import type { Refusal, Trouble, TroubleKind } from './retry/retry.js';
import { OPERATIONS, type OperationName } from './operations.js';

/** An answer that is not a success. */
export interface ErrorReply {
  readonly status: number;
  /** B2's code; empty where a proxy answered, or on HEAD. */
  readonly code: string;
  readonly message: string;
  /** The header as it came. */
  readonly retryAfter: string | undefined;
}

const CAPS = new Set([
  'cap_exceeded',
  'storage_cap_exceeded',
  'transaction_cap_exceeded',
  'download_cap_exceeded',
]);
const CAP_HINT =
  'raise the cap under "Caps & Alerts" of the B2 account; daily caps are reset at midnight UTC; the next run goes on from there';
const KEY_HINT =
  'check the application key and its key ID (App Keys in the B2 account); a deleted or expired key looks the same';
const PROXY_HINT = 'put user and password into HTTPS_PROXY: http://USER:PASSWORD@PROXY:PORT';
/** Status codes that mean the same whoever sends them. */
const PLAIN_STATUSES: ReadonlySet<number> = new Set([401, 407, 408, 429]);
const UPDATE_HINT =
  'this key needs a newer version of the B2 API than this program speaks: update the program, or create a key on the App Keys page';
/** A new token never helps. */
const ACCOUNT_TROUBLE: Readonly<Record<string, string>> = {
  email_not_verified: 'verify the e-mail address of the B2 account',
  no_payment_history: 'add a payment method to the B2 account',
  unsupported: UPDATE_HINT,
};
/** How the live service refuses keys that a newer `b2_create_key` made. */
const NEWER_API = /not currently supported on API version/i;
const FULL_VAULT = /no uploads available in vault|not enough space/i;
/** What B2 says when the body did not reach it whole. */
const UNREAD_BODY = /error reading uploaded data/i;
const WRONG_SHA1 = /(sha1|checksum) did not match/i;
const GONE =
  /no active upload|not an active upload|invalid file ?id|already (been )?finished|file_not_present/i;

/** @param body - of the answer, parsed where it is JSON */
export function errorReply(status: number, body: unknown, retryAfter: string | undefined): ErrorReply {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const code = typeof fields['code'] === 'string' ? fields['code'] : '';
  const message = typeof fields['message'] === 'string' ? fields['message'] : '';
  return { status, code, message, retryAfter };
}

/**
 * @param allowed - undefined before the first login
 * @param nowMs - wall clock, for a Retry-After that is a date
 */
export function troubleOfReply(
  operation: OperationName,
  reply: ErrorReply,
  allowed: Allowed | undefined,
  nowMs: number,
): Trouble {
  const { status, code } = reply;
  const reason = describe(operation, reply);
  const retryAfterMs = parseRetryAfter(reply.retryAfter, nowMs);
  const as = (kind: TroubleKind): Trouble => ({ kind, reason, retryAfterMs, status, code });
  const refused = (kind: Refusal['kind'], message: string, hint?: string): Trouble => ({
    kind: 'refused',
    reason,
    refusal: { kind, message, hint },
    status,
    code,
  });
  const { stage } = OPERATIONS[operation];
  const upload = stage === 'part' || stage === 'object';

  // The first row that fits decides.
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- a table of conditions, with a default
  switch (true) {
    case CAPS.has(code):
      return refused('cap', `a cap of the B2 account is reached: ${reason}`, CAP_HINT);
    case status === 401 && code in ACCOUNT_TROUBLE:
      return refused('denied', `B2 refuses the account: ${reason}`, ACCOUNT_TROUBLE[code]);
    case NEWER_API.test(reply.message):
      return refused('denied', `B2 does not accept this kind of application key: ${reason}`, UPDATE_HINT);
    case code === '' && status >= 400 && status < 500 && !PLAIN_STATUSES.has(status):
      // B2 gives every refusal a code. This is a page of a proxy, of a filter or of another service.
      return as('foreign-answer');
    case status === 401 && stage === 'authorize':
      return {
        ...refused('denied', `B2 does not accept the application key: ${reason}`, KEY_HINT),
        kind: 'key-refused',
      };
    case status === 401 && upload:
      // An upload token is replaced by a JSON call, whose answer tells what is really wrong.
      return as('token-expired');
    case status === 401 && (code === 'expired_auth_token' || code === 'bad_auth_token' || code === ''):
      return as('token-expired');
    case status === 401:
      return refused('denied', ...lacking(operation, reason, allowed));
    case status === 403:
      return refused('denied', `B2 denies access: ${reason}`);
    case status === 407:
      return refused('denied', `the proxy wants a password: ${reason}`, PROXY_HINT);
    case status === 408:
      return as('request-timeout');
    case status === 429:
      return as('slow-down');
    case status >= 500:
      return as(FULL_VAULT.test(reply.message) ? 'full' : 'server-error');
    case status === 400 && upload && code === 'auth_token_limit':
    case status === 400 && upload && /more than one upload using auth token/i.test(reply.message):
      return as('endpoint-in-use');
    case status === 400 && upload && UNREAD_BODY.test(reply.message):
      return as('network');
    case status === 400 && upload && WRONG_SHA1.test(reply.message):
      return as('damaged');
    case status === 400 && (stage === 'part' || stage === 'volume') && GONE.test(reply.message):
      return as('gone');
    case code === 'duplicate_bucket_name':
      return refused(
        'denied',
        `the bucket name is taken by another B2 account: ${reason}`,
        'bucket names are shared by all customers of B2: choose another one',
      );
    case code === 'too_many_buckets':
      return refused(
        'denied',
        `the B2 account has too many buckets: ${reason}`,
        'use one bucket for several hosts',
      );
    default:
      return refused('denied', `B2 refuses: ${reason}`);
  }
}

/** B2's words for a version under Object Lock: seen with 401 and with 403, `access_denied` and `unauthorized`. */
export function saysLocked({ status, code, reason }: Trouble): boolean {
  if (status !== 401 && status !== 403) return false;
  return code === 'access_denied' || (code === 'unauthorized' && /access denied/i.test(reason));
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/** @param code - of the error that the socket, the resolver, TLS or undici reported */
export function troubleOfNetwork(operation: OperationName, code: string, message: string): Trouble {
  const reason = `${operation}: ${oneLine(message)}${code === '' || message.includes(code) ? '' : ` (${code})`}`;
  if (CERTIFICATE.test(code)) {
    const hint =
      'where a proxy of yours re-signs TLS, put its CA into a file and name it in NODE_EXTRA_CA_CERTS';
    const refusal = {
      kind: 'unavailable',
      message: `the TLS certificate is not trusted: ${reason}`,
      hint,
    } as const;
    return { kind: 'refused', reason, refusal };
  }
  // undici's words for a CONNECT that the proxy refused.
  if (/Proxy response \(407\)/.test(message)) {
    const refusal = {
      kind: 'denied',
      message: `the proxy wants a password: ${reason}`,
      hint: PROXY_HINT,
    } as const;
    return { kind: 'refused', reason, refusal };
  }
  return { kind: 'network', reason };
}

/** ms from now; undefined where there is none or it is unreadable. Seconds or an HTTP date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value.trim())) return Math.round(Number(value) * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function describe(operation: OperationName, { status, code, message }: ErrorReply): string {
  const text = oneLine(message)
    // The token that B2 repeats in this message still opens uploads.
    .replace(/(auth token) \S+/i, '$1 …')
    .slice(0, 300);
  return `${operation}: ${[status, code, text].filter((word) => word !== '').join(' ')}`;
}

/** Message and hint for a key that is valid but may not do this. */
function lacking(operation: OperationName, reason: string, allowed: Allowed | undefined): [string, string] {
  const { capability, does } = OPERATIONS[operation];
  if (capability !== undefined && allowed !== undefined && !allowed.capabilities.includes(capability)) {
    return [
      `the application key cannot ${does}: it lacks the capability ${capability}`,
      `create an application key with ${capability} (and listBuckets, listFiles, readFiles, writeFiles for archiving).`,
    ];
  }
  const limits = [
    allowed?.buckets === undefined ? '' : describeBuckets(allowed.buckets),
    allowed?.namePrefix === undefined ? '' : `names beginning with "${allowed.namePrefix}"`,
  ].filter((limit) => limit !== '');
  if (limits.length === 0) return [`B2 refuses: ${reason}`, KEY_HINT];
  return [
    `the application key cannot ${does} here: it is limited to ${limits.join(' and ')} (${reason})`,
    'use a key for this bucket and prefix, or set bucket and prefix to what the key may use',
  ];
}
