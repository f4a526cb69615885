/** Opens a bucket of Backblaze B2 as an `ObjectStore`. */
import { unthrottled } from '../bandwidth/throttle.js';
import { systemClock } from '../clock.js';
import { Failure } from '../errors.js';
import { Connections } from './connections/connections.js';
import { PATIENCE } from './retry/retry.js';
import { Retrying } from './retry/retrying.js';
import type { ObjectStore, StoreCounters } from '../store.js';
import { Account } from './account.js';
import type { Authorization } from './authorization.js';
import { createAgent, createReceivingAgent } from './agent.js';
import { openBucket } from './bucket.js';
import { ControlPlane } from './control-plane.js';
import { endpointUrl } from './endpoint.js';
import { TIMEOUTS, type Transport } from './http.js';
import { bucketName, checkPrefix } from './names.js';
import type { B2Options } from './options.js';
import { Protection } from './protection.js';
import { ServerTime } from './server-time.js';
import { B2Store } from './store.js';
import { Uploader } from './uploader.js';

const DEFAULT_MAX_CONNECTIONS = 16;
/** Beside the uploads: JSON calls. */
const CONTROL_CONNECTIONS = 2;
/** Downloads side by side. */
const RECEIVING_CONNECTIONS = 16;

/** @throws Failure `config`, `denied`, `cap` or `unavailable`, before anything was stored */
export async function openB2(options: B2Options): Promise<ObjectStore> {
  const { clock = systemClock, emit = () => undefined, random = Math.random } = options;
  const endpoint = endpointUrl(options.endpoint);
  const max = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  const wanted = options.connections ?? 'auto';
  const connections = new Connections({ connections: wanted, max, clock, emit });
  const counters = newCounters(connections);
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const throttle = options.throttle ?? unthrottled;
  const agent = createAgent(
    (wanted === 'auto' ? max : wanted) + CONTROL_CONNECTIONS,
    timeouts.connectMs,
    (socket) => throttle.connected?.(socket),
  );
  const receivingAgent = createReceivingAgent(RECEIVING_CONNECTIONS, timeouts.connectMs);
  try {
    const known: { account?: Account } = {};
    const transport: Transport = {
      agent,
      clock,
      timeouts,
      userAgent: options.userAgent ?? 'backuppc-b2',
      signal: options.signal,
      serverTime: new ServerTime(clock),
      allowed: () => known.account?.allowed,
    };
    const patience = options.patience ?? PATIENCE;
    const retrying = new Retrying({ clock, random, emit, patience, counters });
    const plane = await ControlPlane.create(transport, { endpoint, keyId: options.keyId, key: options.key });
    const loginPatience = options.loginPatience ?? patience;
    const account = new Account({ plane, transport, retrying, counters, loginPatience });
    known.account = account;
    const authorization = await account.authorize();
    checkKey(authorization, options);
    const bucket = await openBucket(account, {
      name: bucketName(options.bucket, { accountId: authorization.accountId, host: options.host }),
      create: options.createBucket ?? false,
      lock: options.lock !== undefined,
      serverSideEncryption: options.serverSideEncryption ?? false,
      cancelUnfinishedDays: options.cancelUnfinishedDays,
      emit,
    });
    const { bucketId } = bucket;
    const uploader = new Uploader({
      transport,
      account,
      retrying,
      connections,
      throttle,
      counters,
      bucketId,
    });
    const { lock, serverSideEncryption = false } = options;
    const nowMs = () => transport.serverTime.now() ?? clock.now();
    const protection = new Protection({ lock, serverSideEncryption, nowMs });
    return new B2Store({
      transport,
      receivingAgent,
      account,
      retrying,
      counters,
      bucket,
      uploader,
      protection,
    });
  } catch (thrown) {
    await Promise.all([agent.destroy(), receivingAgent.destroy()]);
    throw thrown;
  }
}

/** Checks now, not after hours of work, that the key may do what the caller will need. */
function checkKey({ allowed }: Authorization, { needs = [], namePrefix, lock }: B2Options): void {
  const wanted = lock === undefined ? needs : [...needs, 'writeFileRetentions' as const];
  const missing = wanted.filter((capability) => !allowed.capabilities.includes(capability));
  if (missing.length > 0) {
    throw new Failure(
      'denied',
      `the application key lacks the ${missing.length === 1 ? 'capability' : 'capabilities'} ${missing.join(', ')}`,
      {
        hint: `create an application key with ${missing.join(', ')} (and listBuckets, listFiles, readFiles, writeFiles for archiving)`,
      },
    );
  }
  if (namePrefix !== undefined) checkPrefix(allowed, namePrefix);
}

/** The counters, with the connections as they are at the moment of looking. */
function newCounters(connections: Connections): StoreCounters {
  return {
    classA: 0,
    classB: 0,
    classC: 0,
    retries: 0,
    bytesSent: 0,
    bytesConfirmed: 0,
    bytesReceived: 0,
    get connectionsBusy() {
      return connections.busy;
    },
    get connectionsAllowed() {
      return connections.allowed;
    },
  };
}
