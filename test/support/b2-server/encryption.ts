import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { B2Error, badRequest } from './errors.js';
import type { Params } from './params.js';
import type { Bucket, ServerSideEncryption } from './state.js';

/** Server-side encryption as the `serverSideEncryption` field of a call has it; undefined: none asked for. */
export function readEncryption(params: Params | undefined): ServerSideEncryption | undefined {
  if (params === undefined || !params.has('mode') || params.raw('mode') === 'none') return undefined;
  return encryptionOf(
    params.string('mode'),
    params.optionalString('algorithm'),
    params.optionalString('customerKey'),
    params.optionalString('customerKeyMd5'),
  );
}

/** The same from the headers of an upload. */
export function readEncryptionHeaders(headers: IncomingHttpHeaders): ServerSideEncryption | undefined {
  const managed = headers['x-bz-server-side-encryption'];
  if (managed !== undefined) return encryptionOf('SSE-B2', String(managed), undefined, undefined);
  const customer = headers['x-bz-server-side-encryption-customer-algorithm'];
  if (customer === undefined) return undefined;
  return encryptionOf(
    'SSE-C',
    String(customer),
    one(headers['x-bz-server-side-encryption-customer-key']),
    one(headers['x-bz-server-side-encryption-customer-key-md5']),
  );
}

/** What a new file gets: what it asked for, else the bucket's default. */
export function encryptionFor(
  bucket: Bucket,
  asked: ServerSideEncryption | undefined,
): ServerSideEncryption | undefined {
  return asked ?? bucket.defaultEncryption;
}

/** A file with a customer's key needs that key on every read and on every part. */
export function requireCustomerKey(
  file: ServerSideEncryption | undefined,
  given: ServerSideEncryption | undefined,
): void {
  if (file?.mode !== 'SSE-C') return;
  if (given?.mode !== 'SSE-C')
    throw badRequest(
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided',
    );
  if (given.customerKeyMd5 !== file.customerKeyMd5)
    throw new B2Error(403, 'access_denied', 'wrong customer key');
}

function encryptionOf(
  mode: string,
  algorithm: string | undefined,
  key: string | undefined,
  keyMd5: string | undefined,
): ServerSideEncryption {
  if (algorithm !== 'AES256') throw badRequest(`unknown encryption algorithm: ${algorithm ?? '(none)'}`);
  if (mode === 'SSE-B2') return { mode, algorithm };
  if (mode !== 'SSE-C') throw badRequest(`unknown encryption mode: ${mode}`);
  const bytes = Buffer.from(key ?? '', 'base64');
  if (bytes.length !== 32) throw badRequest('customerKey must be 32 bytes in base64');
  const md5 = createHash('md5').update(bytes).digest();
  const claimed = Buffer.from(keyMd5 ?? '', 'base64');
  if (claimed.length !== md5.length || !timingSafeEqual(claimed, md5))
    throw badRequest('customerKeyMd5 does not match customerKey');
  return { mode, algorithm, customerKeyMd5: md5.toString('hex') };
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
