import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Allowed } from '../../src/b2/authorization.js';
import type { OperationName } from '../../src/b2/operations.js';
import { errorReply, parseRetryAfter, troubleOfNetwork, troubleOfReply } from '../../src/b2/translate.js';

const NOW = Date.UTC(2026, 0, 1);
const all: Allowed = {
  capabilities: [
    'listBuckets',
    'writeBuckets',
    'listFiles',
    'readFiles',
    'writeFiles',
    'deleteFiles',
    'shareFiles',
  ],
  buckets: undefined,
  namePrefix: undefined,
};

function of(
  operation: OperationName,
  status: number,
  code: string,
  message = '',
  allowed: Allowed = all,
  retryAfter?: string,
) {
  return troubleOfReply(operation, { status, code, message, retryAfter }, allowed, NOW);
}

const TABLE: readonly [
  operation: OperationName,
  status: number,
  code: string,
  message: string,
  expected: string,
][] = [
  ['b2_upload_part', 503, 'service_unavailable', 'pod too busy', 'server-error'],
  ['b2_upload_part', 503, 'service_unavailable', 'No uploads available in vault 42', 'full'],
  ['b2_finish_large_file', 503, 'service_unavailable', 'not enough space in pod-1', 'full'],
  ['b2_upload_part', 500, 'internal_error', 'incident id 1', 'server-error'],
  ['b2_upload_part', 502, '', '', 'server-error'],
  ['b2_upload_part', 408, 'request_timeout', '', 'request-timeout'],
  ['b2_upload_part', 429, 'too_many_requests', '', 'slow-down'],
  ['b2_list_buckets', 429, 'too_many_requests', '', 'slow-down'],
  ['b2_upload_part', 401, 'expired_auth_token', '', 'token-expired'],
  ['b2_upload_file', 401, 'bad_auth_token', '', 'token-expired'],
  ['b2_upload_part', 401, 'unauthorized', '', 'token-expired'],
  ['b2_get_upload_part_url', 401, 'expired_auth_token', '', 'token-expired'],
  ['b2_get_upload_url', 401, 'bad_auth_token', '', 'token-expired'],
  ['b2_download_file_by_id', 401, '', '', 'token-expired'],
  ['b2_get_upload_url', 401, 'unauthorized', '', 'denied'],
  ['b2_authorize_account', 401, 'unauthorized', '', 'key-refused'],
  ['b2_authorize_account', 401, 'bad_auth_token', '', 'key-refused'],
  ['b2_authorize_account', 401, 'unsupported', '', 'denied'],
  [
    'b2_authorize_account',
    400,
    'bad_request',
    'This request is not currently supported on API version number 4',
    'denied',
  ],
  ['b2_upload_part', 401, 'no_payment_history', '', 'denied'],
  ['b2_upload_part', 400, 'auth_token_limit', 'more than one upload using auth token t', 'endpoint-in-use'],
  ['b2_upload_file', 400, 'bad_request', 'more than one upload using auth token t', 'endpoint-in-use'],
  ['b2_upload_part', 400, 'bad_request', 'Sha1 did not match data received', 'damaged'],
  ['b2_upload_file', 400, 'bad_request', 'Checksum did not match data received', 'damaged'],
  ['b2_upload_part', 400, 'bad_request', 'No active upload for: 4_z', 'gone'],
  ['b2_get_upload_part_url', 400, 'bad_request', 'No active upload for: 4_z', 'gone'],
  ['b2_finish_large_file', 400, 'bad_request', 'No active upload for: 4_z', 'gone'],
  ['b2_finish_large_file', 400, 'bad_request', 'large files must have at least 2 parts', 'denied'],
  ['b2_upload_part', 400, 'bad_request', 'something new', 'denied'],
  ['b2_upload_part', 400, 'bad_request', 'error reading uploaded data: stream closed', 'network'],
  ['b2_upload_file', 400, 'bad_request', 'error reading uploaded data', 'network'],
  ['b2_upload_part', 400, 'bad_request', 'not an active upload: 4_z', 'gone'],
  ['b2_finish_large_file', 400, 'bad_request', 'not an active upload: 4_z', 'gone'],
  ['b2_upload_part', 403, '', '', 'foreign-answer'],
  ['b2_authorize_account', 403, '', '', 'foreign-answer'],
  ['b2_list_buckets', 404, '', '', 'foreign-answer'],
  ['b2_get_upload_url', 403, 'storage_cap_exceeded', '', 'cap'],
  ['b2_upload_part', 403, 'cap_exceeded', '', 'cap'],
  ['b2_authorize_account', 403, 'transaction_cap_exceeded', '', 'cap'],
  ['b2_download_file_by_id', 403, 'download_cap_exceeded', '', 'cap'],
  ['b2_upload_part', 403, 'access_denied', '', 'denied'],
  ['b2_create_bucket', 400, 'duplicate_bucket_name', '', 'denied'],
  ['b2_list_buckets', 404, 'not_found', '', 'denied'],
  ['b2_list_buckets', 405, 'method_not_allowed', '', 'denied'],
  ['b2_update_bucket', 409, 'conflict', '', 'denied'],
  ['b2_list_buckets', 407, '', '', 'denied'],
];

describe("B2's answers", () => {
  for (const [operation, status, code, message, expected] of TABLE) {
    it(`${operation}: ${status} ${code} ${message} → ${expected}`, () => {
      const trouble = of(operation, status, code, message);
      assert.equal(trouble.kind === 'refused' ? trouble.refusal?.kind : trouble.kind, expected);
      const final = trouble.kind === 'refused' || trouble.kind === 'key-refused';
      assert.equal(final, trouble.refusal !== undefined);
    });
  }

  it('names the missing capability', () => {
    const { refusal } = of('b2_list_file_versions', 401, 'unauthorized', '', {
      ...all,
      capabilities: ['writeFiles'],
    });
    assert.match(refusal?.message ?? '', /cannot list files: it lacks the capability listFiles/);
    assert.match(refusal?.hint ?? '', /listFiles/);
  });

  it('names the bucket and the prefix that the key is limited to', () => {
    const limited = { ...all, buckets: [{ id: 'b', name: 'mine' }], namePrefix: 'web/' };
    assert.match(
      of('b2_get_upload_url', 401, 'unauthorized', '', limited).refusal?.message ?? '',
      /bucket mine and names beginning with "web\/"/,
    );
  });

  it('shows no upload token', () => {
    const message = 'more than one upload using auth token 4_0012_secret_upld';
    assert.doesNotMatch(of('b2_upload_part', 400, 'auth_token_limit', message).reason, /secret/);
  });

  it('is one line, whatever a proxy sends', () => {
    const reply = errorReply(
      503,
      { code: 'busy', message: 'a\nb\u001b[31m\tc'.padEnd(2000, 'x') },
      undefined,
    );
    const { reason } = troubleOfReply('b2_upload_part', reply, undefined, NOW);
    assert.ok(!/[\u0000-\u001f]/.test(reason) && reason.length < 400);
    assert.equal(errorReply(502, undefined, undefined).code, '');
    assert.equal(errorReply(502, { code: 7, message: null }, undefined).message, '');
  });

  it('reads Retry-After as seconds and as a date', () => {
    assert.equal(parseRetryAfter('12', NOW), 12_000);
    assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', NOW), 30_000);
    assert.equal(parseRetryAfter('Thu, 01 Jan 2020 00:00:30 GMT', NOW), 0);
    assert.equal(parseRetryAfter('soon', NOW), undefined);
    assert.equal(parseRetryAfter(undefined, NOW), undefined);
    assert.equal(of('b2_upload_part', 429, '', '', all, '7').retryAfterMs, 7000);
  });
});

describe("the network's errors", () => {
  it('are tried again', () => {
    for (const code of [
      'ECONNRESET',
      'EPIPE',
      'ENOTFOUND',
      'EAI_AGAIN',
      'ECONNREFUSED',
      'ETIMEDOUT',
      'UND_ERR_SOCKET',
      'UND_ERR_CONNECT_TIMEOUT',
    ]) {
      assert.equal(troubleOfNetwork('b2_upload_part', code, 'x').kind, 'network');
    }
  });

  it('except a proxy that wants a password', () => {
    const trouble = troubleOfNetwork(
      'b2_upload_part',
      'UND_ERR_ABORTED',
      'Proxy response (407) !== 200 when HTTP Tunneling',
    );
    assert.equal(trouble.refusal?.kind, 'denied');
  });

  it('except certificates that are not trusted: those are final, and name what helps', () => {
    for (const code of [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ]) {
      const { refusal } = troubleOfNetwork('b2_authorize_account', code, 'x');
      assert.equal(refusal?.kind, 'unavailable');
      assert.match(refusal.hint ?? '', /NODE_EXTRA_CA_CERTS/);
    }
  });
});
