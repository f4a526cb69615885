import type { IncomingHttpHeaders } from 'node:http';
import { B2Error, ConnectionGone } from './errors.js';
import type { Fault } from './fault-rule.js';

/** Messages and codes of the statuses, where a rule gives none. */
const USUAL: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: ['bad_request', 'planted: bad request'],
  401: ['expired_auth_token', 'Authorization token has expired'],
  403: ['storage_cap_exceeded', 'Account has reached its storage cap'],
  404: ['not_found', 'planted: not found'],
  408: ['request_timeout', 'planted: the request took too long'],
  429: ['too_many_requests', 'planted: too many requests'],
  500: ['internal_error', 'planted: incident id 1'],
  503: ['service_unavailable', 'planted: c001_v0001000_t0001 is too busy'],
};

export function errorOf(fault: Extract<Fault, { kind: 'status' }>): B2Error {
  const [code, message] = USUAL[fault.status] ?? ['planted', 'planted'];
  return new B2Error(fault.status, fault.code ?? code, fault.message ?? message, fault.retryAfterSeconds);
}

export function fullVault(): B2Error {
  return new B2Error(503, 'service_unavailable', 'No uploads available in vault 1000');
}

export function planted(): ConnectionGone {
  return new ConnectionGone('planted: connection reset');
}

/** Whether a token dies of this answer. */
export function endsToken({ code }: B2Error): boolean {
  return code === 'expired_auth_token' || code === 'bad_auth_token';
}

/** The JSON answer with wrong SHA-1 figures in it, also in its list of parts. */
export function withWrongSha1(answer: Record<string, unknown>): Record<string, unknown> {
  const wrong = { ...answer };
  if (typeof wrong['contentSha1'] === 'string') wrong['contentSha1'] = '0'.repeat(40);
  const { parts } = wrong as { parts?: unknown };
  if (Array.isArray(parts))
    wrong['parts'] = parts.map((part: Record<string, unknown>) => withWrongSha1(part));
  return wrong;
}

/** Calls that `X-Bz-Test-Mode` values about uploads touch. */
const UPLOAD_CALLS = [
  'b2_get_upload_url',
  'b2_get_upload_part_url',
  'b2_upload_file',
  'b2_upload_part',
  'b2_start_large_file',
];

/** What the client itself asked to go wrong (`B2 API: Integration Checklist`, test modes). */
export function testModeFault(
  headers: IncomingHttpHeaders,
  operation: string,
  random: () => number,
): Fault | undefined {
  const mode = headers['x-bz-test-mode'];
  if (mode === 'force_cap_exceeded' && UPLOAD_CALLS.includes(operation))
    return { kind: 'status', status: 403, code: 'cap_exceeded' };
  if (mode === 'fail_some_uploads' && operation.startsWith('b2_upload_') && random() < 0.2)
    return { kind: 'status', status: 503 };
  return undefined;
}

/** `expire_some_account_authorization_tokens`: how many calls the new token is good for. */
export function testModeTokenUses(headers: IncomingHttpHeaders, random: () => number): number {
  if (headers['x-bz-test-mode'] !== 'expire_some_account_authorization_tokens') return Infinity;
  return random() < 0.5 ? Infinity : 1 + Math.floor(random() * 10);
}
