/** Finds the bucket, or creates it, with whatever the key in use is allowed to see. */
import { Failure } from '../errors.js';
import type { Emit } from '../events.js';
import type { Account } from './account.js';
import { describeBuckets } from './authorization.js';
import type { Reply } from './control-plane.js';
import { readRule, withCancelRule } from './lifecycle.js';
import { field } from './reply.js';

export interface BucketOptions {
  readonly name: string;
  /** Create it if it is missing. */
  readonly create: boolean;
  /** Object Lock will be used in it. */
  readonly lock: boolean;
  readonly serverSideEncryption: boolean;
  /** Days after which B2 cancels unfinished large files; undefined: leave the bucket's rules as they are. */
  readonly cancelUnfinishedDays: number | undefined;
  readonly emit: Emit;
}

export interface Bucket {
  readonly bucketId: string;
  readonly name: string;
}

/** @throws Failure `denied` */
export async function openBucket(account: Account, options: BucketOptions): Promise<Bucket> {
  const { allowed } = account.authorization;
  const own = allowed.buckets?.find(({ name }) => name !== undefined && sameName(name, options.name));
  if (allowed.buckets !== undefined && own === undefined) {
    throw new Failure(
      'denied',
      `the application key opens only the ${describeBuckets(allowed.buckets)}, not ${options.name}`,
      { hint: 'set bucket to one that the key opens, or use another key' },
    );
  }
  if (own !== undefined && !allowed.capabilities.includes('listBuckets')) {
    if (options.cancelUnfinishedDays !== undefined)
      warnNoRule(options, 'the key lacks the capability listBuckets');
    return { bucketId: own.id, name: options.name };
  }
  const found = await findBucket(account, options.name);
  if (found !== undefined) return await useBucket(account, found, options);
  if (!options.create) {
    throw new Failure('denied', `there is no bucket ${options.name} that this application key can see`, {
      hint: 'check the name, or let this program create it (--create-bucket)',
    });
  }
  return await createBucket(account, options);
}

async function findBucket(account: Account, name: string): Promise<Reply | undefined> {
  const { accountId } = account.authorization;
  return await account.call(
    'b2_list_buckets',
    { accountId, bucketName: name, bucketTypes: ['all'] },
    (reply) =>
      field.records(reply, 'buckets').find((bucket) => sameName(field.string(bucket, 'bucketName'), name)),
  );
}

async function createBucket(account: Account, options: BucketOptions): Promise<Bucket> {
  const { accountId } = account.authorization;
  const parameters = {
    accountId,
    bucketName: options.name,
    bucketType: 'allPrivate',
    // None for what is hidden: that is also what a newer version replaces, and the older archive must live until the newer one is whole.
    lifecycleRules: withCancelRule([], options.cancelUnfinishedDays).rules,
    fileLockEnabled: options.lock ? true : undefined,
    defaultServerSideEncryption: options.serverSideEncryption
      ? { mode: 'SSE-B2', algorithm: 'AES256' }
      : undefined,
  };
  const bucketId = await account.call('b2_create_bucket', parameters, readBucketId, {
    // Where an answer was lost, the next try finds the name taken: perhaps by ourselves.
    settle: async () => {
      const found = await findBucket(account, options.name);
      return found === undefined ? undefined : readBucketId(found);
    },
  });
  options.emit({ type: 'notice', message: `created the bucket ${options.name}` });
  return { bucketId, name: options.name };
}

async function useBucket(account: Account, bucket: Reply, options: BucketOptions): Promise<Bucket> {
  const bucketId = field.string(bucket, 'bucketId');
  const name = field.string(bucket, 'bucketName');
  const lock = field.optionalRecord(bucket, 'fileLockConfiguration');
  const lockValue = field.optionalRecord(lock, 'value');
  if (options.lock && lock['isClientAuthorizedToRead'] === true && lockValue['isFileLockEnabled'] !== true) {
    throw new Failure('denied', `Object Lock is not enabled in the bucket ${name}`, {
      hint: 'enable Object Lock in the settings of the bucket, or leave --lock-days out',
    });
  }
  await ensureCancelRule(account, bucket, options);
  return { bucketId, name };
}

async function ensureCancelRule(account: Account, bucket: Reply, options: BucketOptions): Promise<void> {
  if (options.cancelUnfinishedDays === undefined) return;
  const rules = field.records(bucket, 'lifecycleRules').map(readRule);
  const wanted = withCancelRule(rules, options.cancelUnfinishedDays);
  if (wanted.state === 'there') return;
  if (wanted.state === 'overlap') {
    warnNoRule(options, 'it has rules for prefixes, which may not overlap');
    return;
  }
  const { accountId, allowed } = account.authorization;
  if (!allowed.capabilities.includes('writeBuckets')) {
    warnNoRule(options, 'the key lacks the capability writeBuckets');
    return;
  }
  const bucketId = field.string(bucket, 'bucketId');
  await account.call('b2_update_bucket', { accountId, bucketId, lifecycleRules: wanted.rules }, readBucketId);
}

function readBucketId(reply: Reply): string {
  return field.string(reply, 'bucketId');
}

function warnNoRule(options: BucketOptions, why: string): void {
  const message = `the bucket ${options.name} gets no lifecycle rule that cancels unfinished uploads: ${why}`;
  options.emit({ type: 'warning', message });
}

/** Bucket names differ in more than their case. */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
