/** Names as B2 wants them. Pure. */
import { Failure } from '../errors.js';
import type { Allowed } from './authorization.js';

/** A file name or file info value in a header or URL: percent-encoded UTF-8, `/` stays. */
export function encodeName(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/');
}

export interface BucketNameValues {
  readonly accountId: string;
  readonly host: string | undefined;
}

/**
 * The bucket's name from a name or a template with `{accountId}` and `{host}`. A host's dots and underscores, which bucket names
 * cannot hold, become `-`.
 * @throws Failure `config` for what B2 would refuse: 6 to 63 letters, digits and `-`, not beginning with `b2-`
 */
export function bucketName(template: string, values: BucketNameValues): string {
  const name = template.replace(/\{(\w*)\}/g, (placeholder, word: string) => {
    if (word === 'accountId') return values.accountId;
    if (word !== 'host') {
      throw new Failure('config', `unknown placeholder ${placeholder} in the bucket name "${template}"`, {
        hint: 'known are {accountId} and {host}',
      });
    }
    if (values.host === undefined) {
      throw new Failure('config', `the bucket name "${template}" needs a host`, { hint: 'name the host' });
    }
    return values.host.replace(/[^A-Za-z0-9-]/g, '-');
  });
  if (!/^[A-Za-z0-9-]{6,63}$/.test(name) || /^b2-/i.test(name)) {
    throw new Failure('config', `"${name}" cannot be the name of a B2 bucket`, {
      hint: 'bucket names have 6 to 63 letters, digits and "-", and do not begin with "b2-"',
    });
  }
  return name;
}

/**
 * Why B2 would refuse this file name, or undefined: 1 to 1024 bytes of UTF-8, no control characters, no backslash, no empty
 * segment, none longer than 250 bytes.
 */
export function fileNameProblem(name: string): string | undefined {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > 1024) return `it has ${bytes} bytes, not 1 to 1024`;
  if (/[\u0000-\u001f\u007f\\]/.test(name)) return 'it has a control character or a backslash';
  for (const segment of name.split('/')) {
    if (segment === '') return 'it begins or ends with "/" or has "//"';
    if (Buffer.byteLength(segment) > 250) return 'a segment between "/" has more than 250 bytes';
  }
  return undefined;
}

/** @throws Failure `denied` where the key opens only other names */
export function checkPrefix(allowed: Pick<Allowed, 'namePrefix'>, fileName: string): void {
  const { namePrefix } = allowed;
  if (namePrefix === undefined || fileName.startsWith(namePrefix)) return;
  throw new Failure(
    'denied',
    `the application key only opens names that begin with "${namePrefix}", not "${fileName}"`,
    {
      hint: `set prefix (--prefix) to "${namePrefix}" or to something that begins so, or use another key`,
    },
  );
}
