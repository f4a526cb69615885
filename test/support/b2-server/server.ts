import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../src/clock.js';
import type { B2Server, B2ServerOptions } from './b2-server.js';
import { bucketByName } from './buckets.js';
import { openByteStore } from './bytes.js';
import { Connections } from './connections.js';
import { control } from './control.js';
import { dispatch } from './dispatch.js';
import { B2Error, badRequest } from './errors.js';
import { sendError, type Exchange } from './exchange.js';
import { Faults } from './faults.js';
import { BucketView } from './inspect.js';
import { ALL_CAPABILITIES, keyOf } from './keys.js';
import { operations } from './operations.js';
import { Params } from './params.js';
import { seededRandom } from './random.js';
import { Rates } from './rate.js';
import { RequestLog } from './request-log.js';
import { routeOf } from './routes.js';
import { REAL_LIMITS, type Service } from './service.js';
import type { Site } from './site.js';
import { AccountState } from './state.js';
import { REAL_LIFETIMES, Tokens } from './tokens.js';

export type { DataOption } from './bytes.js';
export type { Fault, FaultRule } from './fault-rule.js';
export type { Hold, PlantedFault } from './faults.js';
export type { B2Server, B2ServerOptions } from './b2-server.js';
export type { LoggedRequest } from './request-log.js';
export type { PartRecord } from './service.js';
export type { Bucket, FileVersion, StoredPart } from './state.js';

export const MASTER_KEY_ID = '0050123456789ab0000000001';
export const MASTER_KEY = 'K005b2serverForTestsMasterKey00';
const ACCOUNT_ID = '0123456789ab';

/** Starts a B2 of its own on loopback, with one account and its master key. */
export async function startB2Server(options: B2ServerOptions = {}): Promise<B2Server> {
  const service = newService(options);
  const log = new RequestLog();
  const defects: unknown[] = [];
  const connections = new Connections(new Rates(options.bytesPerSecond ?? {}, service.clock));
  const site: Site = {
    service,
    faults: new Faults(options.seed ?? 1, options.faults ?? []),
    fullVaults: new Set(),
    latencyMs: options.latencyMs ?? 0,
    scheme: options.tls === undefined ? 'http' : 'https',
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://b2');
    const path = (request.url ?? '/').replace(/\?.*/s, '');
    const route = routeOf(path);
    if (route.kind === 'control') return control(b2, request, response, route.rest, url.searchParams);
    const connection = connections.of(request.socket);
    const operation = route.kind === 'unknown' ? 'unknown' : route.operation;
    const apiVersion = route.kind === 'unknown' ? 0 : route.apiVersion;
    const startedAtMs = service.clock.monotonic();
    const entry = log.begin({
      operation,
      method: request.method ?? '',
      apiVersion,
      connection: connection.number,
      startedAtMs,
    });
    const exchange: Exchange = { request, response, connection, entry };
    response.once('close', () => {
      entry.endedAtMs = service.clock.monotonic();
    });
    try {
      if (route.kind === 'unknown') throw badRequest(`no such path: ${path}`);
      await dispatch(site, exchange, route, url.searchParams);
    } catch (error) {
      if (!(error instanceof B2Error)) defects.push(error);
      if (response.headersSent) response.destroy();
      else
        sendError(
          exchange,
          error instanceof B2Error ? error : new B2Error(500, 'internal_error', String(error)),
        );
    }
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void serve(request, response);
  // No time limits of our own: a slow upload is nobody's fault, and a connection that is kept must stay.
  const times = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 };
  const server: Server =
    options.tls === undefined
      ? createHttpServer(times, listener)
      : createHttpsServer({ ...times, ...options.tls }, listener);
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;

  const view = (bucketName: string): BucketView => {
    const bucket = bucketByName(service, bucketName);
    if (bucket === undefined) throw new Error(`no bucket ${bucketName}`);
    return new BucketView(service, bucket);
  };
  const master = keyOf({
    keyId: MASTER_KEY_ID,
    key: MASTER_KEY,
    keyName: 'master',
    capabilities: ALL_CAPABILITIES,
  });
  const b2: B2Server = {
    url: `${site.scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    keyId: master.keyId,
    key: master.key,
    account: service.account,
    requests: log.entries,
    parts: service.parts,
    faults: site.faults,
    defects,
    bucket: view,
    createBucket: (bucketName, fields = {}) => {
      const params = new Params({ bucketType: 'allPrivate', ...fields, accountId: ACCOUNT_ID, bucketName });
      operations['b2_create_bucket']?.run(service, { apiVersion: 4, baseUrl: '', params, key: master });
      return view(bucketName);
    },
    addKey: (key) => void service.keys.set(key.keyId, keyOf(key)),
    expireTokens: () => {
      service.tokens.expire();
    },
    resetConnections: () => {
      connections.resetAll();
    },
    clearLog: () => {
      log.clear();
      service.parts.length = 0;
    },
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
        server.closeAllConnections();
      }),
  };
  service.keys.set(master.keyId, master);
  try {
    for (const key of options.keys ?? []) b2.addKey(key);
    for (const bucketName of options.buckets ?? []) b2.createBucket(bucketName);
  } catch (error) {
    // What listens would keep the process.
    await b2.close();
    throw error;
  }
  return b2;
}

function newService(options: B2ServerOptions): Service {
  const clock = options.clock ?? systemClock;
  const data = options.data ?? 'memory';
  return {
    account: new AccountState(ACCOUNT_ID, clock),
    keys: new Map(),
    tokens: new Tokens(clock, { ...REAL_LIFETIMES, ...options.lifetimes }),
    bytes: openByteStore(data),
    clock,
    limits: {
      ...REAL_LIMITS,
      ...(options.minPartBytes === undefined ? {} : { minPartBytes: options.minPartBytes }),
      ...options.limits,
    },
    parts: [],
    keepPartBytes: options.keepPartBytes ?? data === 'memory',
    pairAfterBreak: options.pairAfterBreak ?? 'busy',
    foreignBuckets: new Set((options.foreignBuckets ?? []).map((name) => name.toLowerCase())),
    random: seededRandom(options.seed ?? 1),
  };
}
