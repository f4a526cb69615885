/** What an application key may do and what the buckets that it sees are like: for `doctor`, and to find a bucket per host. */
import { systemClock } from '../clock.js';
import { SHORT_PATIENCE } from './retry/retry.js';
import { Retrying } from './retry/retrying.js';
import { Account } from './account.js';
import { createAgent } from './agent.js';
import { ControlPlane, type Reply } from './control-plane.js';
import { endpointUrl } from './endpoint.js';
import { TIMEOUTS, type Transport } from './http.js';
import { readRule, type LifecycleRule } from './lifecycle.js';
import type { B2Options } from './options.js';
import { field } from './reply.js';
import { ServerTime } from './server-time.js';

export interface BucketFacts {
  readonly name: string;
  /** `allPrivate`, `allPublic`, … */
  readonly type: string;
  /** undefined where the key may not read it. */
  readonly objectLock: boolean | undefined;
  readonly lifecycleRules: readonly LifecycleRule[];
}

export interface AccountFacts {
  readonly accountId: string;
  readonly capabilities: readonly string[];
  /** Of a key that opens only names with this prefix. */
  readonly namePrefix: string | undefined;
  /** undefined where the key may not list buckets. A key for some buckets sees those. */
  readonly buckets: readonly BucketFacts[] | undefined;
}

/** Logs in and lists buckets: two transactions of class C, or one more for each further bucket of the key. @throws Failure `denied`, `unavailable` */
export async function accountFacts(
  options: Pick<B2Options, 'endpoint' | 'keyId' | 'key' | 'userAgent' | 'signal' | 'emit'>,
): Promise<AccountFacts> {
  const clock = systemClock;
  const agent = createAgent(1, TIMEOUTS.connectMs);
  const transport: Transport = {
    agent,
    clock,
    timeouts: TIMEOUTS,
    userAgent: options.userAgent ?? 'backuppc-b2',
    signal: options.signal,
    serverTime: new ServerTime(clock),
    allowed: () => undefined,
  };
  const counters = {
    classA: 0,
    classB: 0,
    classC: 0,
    retries: 0,
    bytesSent: 0,
    bytesConfirmed: 0,
    bytesReceived: 0,
    connectionsBusy: 0,
    connectionsAllowed: 1,
  };
  const retrying = new Retrying({
    clock,
    random: Math.random,
    emit: options.emit ?? (() => undefined),
    patience: SHORT_PATIENCE,
    counters,
  });
  try {
    const endpoint = endpointUrl(options.endpoint);
    const plane = await ControlPlane.create(transport, { endpoint, keyId: options.keyId, key: options.key });
    const account = new Account({ plane, transport, retrying, counters, loginPatience: SHORT_PATIENCE });
    const { accountId, allowed } = await account.authorize();
    const { capabilities, namePrefix } = allowed;
    if (!capabilities.includes('listBuckets'))
      return { accountId, capabilities, namePrefix, buckets: undefined };
    // A key for buckets must name the one that it asks about.
    const asked = allowed.buckets?.map(({ id }) => id) ?? [undefined];
    const buckets: BucketFacts[] = [];
    for (const bucketId of asked) {
      const parameters = { accountId, bucketId, bucketTypes: ['all'] };
      const read = (reply: Reply) => field.records(reply, 'buckets').map(readBucket);
      buckets.push(...(await account.call('b2_list_buckets', parameters, read)));
    }
    return { accountId, capabilities, namePrefix, buckets };
  } finally {
    await agent.destroy();
  }
}

function readBucket(fields: Readonly<Record<string, unknown>>): BucketFacts {
  const lock = field.optionalRecord(fields, 'fileLockConfiguration');
  const enabled = field.optionalRecord(lock, 'value')['isFileLockEnabled'];
  return {
    name: field.string(fields, 'bucketName'),
    type: field.string(fields, 'bucketType'),
    objectLock: lock['isClientAuthorizedToRead'] === true ? enabled === true : undefined,
    lifecycleRules: field.records(fields, 'lifecycleRules').map(readRule),
  };
}
