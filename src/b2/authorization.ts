/** The answer to a login to B2, in the shape of version 4 of the API. Pure. */
import { field } from './reply.js';

/** What the key in use is limited to. */
export interface Allowed {
  readonly capabilities: readonly string[];
  /** undefined: every bucket. A key may be for several. */
  readonly buckets: readonly AllowedBucket[] | undefined;
  /** undefined: every name. */
  readonly namePrefix: string | undefined;
}

export interface AllowedBucket {
  readonly id: string;
  /** undefined if the bucket was deleted. */
  readonly name: string | undefined;
}

export interface Authorization {
  readonly accountId: string;
  readonly token: string;
  readonly apiUrl: string;
  readonly downloadUrl: string;
  /** Least bytes of every part but the last. */
  readonly minPartBytes: number;
  readonly allowed: Allowed;
}

/**
 * https://www.backblaze.com/apidocs/b2-authorize-account, version 4: older logins refuse keys that version 4 of `b2_create_key` made
 * for buckets, which is what the current b2 command line and Terraform do.
 * @param endpoint that was logged in to: where it has https, every address that it gives has, too
 * @throws UnreadableReply
 */
export function readAuthorization(reply: Readonly<Record<string, unknown>>, endpoint: string): Authorization {
  const storage = field.record(field.record(reply, 'apiInfo'), 'storageApi');
  const allowed = field.record(storage, 'allowed');
  return {
    accountId: field.string(reply, 'accountId'),
    token: field.token(reply, 'authorizationToken'),
    apiUrl: field.url(storage, 'apiUrl', endpoint),
    downloadUrl: field.url(storage, 'downloadUrl', endpoint),
    minPartBytes: field.number(storage, 'absoluteMinimumPartSize'),
    allowed: {
      capabilities: field.strings(allowed, 'capabilities'),
      buckets: readBuckets(allowed),
      namePrefix: field.optionalString(allowed, 'namePrefix'),
    },
  };
}

function readBuckets(allowed: Readonly<Record<string, unknown>>): readonly AllowedBucket[] | undefined {
  if (allowed['buckets'] === null || allowed['buckets'] === undefined) return undefined;
  return field.records(allowed, 'buckets').map((bucket) => ({
    id: field.string(bucket, 'id'),
    name: field.optionalString(bucket, 'name'),
  }));
}

/** `bucket a`, `buckets a and b`. */
export function describeBuckets(buckets: readonly AllowedBucket[]): string {
  const names = buckets.map(({ id, name }) => name ?? `${id} (deleted)`);
  return `${names.length === 1 ? 'bucket' : 'buckets'} ${names.join(' and ')}`;
}
