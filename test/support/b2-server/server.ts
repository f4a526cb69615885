import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock, type Clock } from '../../../src/clock.js';
import { bucketByName } from './buckets.js';
import { openByteStore, type DataOption } from './bytes.js';
import { Connections } from './connections.js';
import { control } from './control.js';
import { dispatch } from './dispatch.js';
import { B2Error, badRequest } from './errors.js';
import { sendError, type Exchange } from './exchange.js';
import { Faults, type FaultRule } from './faults.js';
import { BucketView } from './inspect.js';
import { ALL_CAPABILITIES, keyOf, type KeyOption } from './keys.js';
import { operations } from './operations.js';
import { Params } from './params.js';
import { seededRandom } from './random.js';
import { Rates, type RateOption } from './rate.js';
import { RequestLog, type LoggedRequest } from './request-log.js';
import { routeOf } from './routes.js';
import { REAL_LIMITS, type Limits, type PartRecord, type Service } from './service.js';
import type { Site } from './site.js';
import { AccountState } from './state.js';
import { REAL_LIFETIMES, Tokens, type TokenLifetimes } from './tokens.js';

export type { DataOption } from './bytes.js';
export type { Fault, FaultRule, Hold, PlantedFault } from './faults.js';
export type { LoggedRequest } from './request-log.js';
export type { PartRecord } from './service.js';
export type { Bucket, FileVersion, StoredPart } from './state.js';

export interface B2ServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, one that is free. */
  readonly port?: number;
  /** Default: memory. */
  readonly data?: DataOption;
  /** Whether `parts` keeps the bytes of every body that came, also of broken and refused ones. Default: in memory mode. */
  readonly keepPartBytes?: boolean;
  /** Of every answer; a connection's first takes it twice. */
  readonly latencyMs?: number;
  /**
   * A pair whose upload broke off: `busy` for good (B2 may still wait for the rest; a client must drop it), or `free` again (B2 has noticed).
   * Default: busy, the harder case.
   */
  readonly pairAfterBreak?: 'busy' | 'free';
  readonly bytesPerSecond?: RateOption;
  /** Objects, or words as fault-text.ts reads them. */
  readonly faults?: readonly (FaultRule | string)[];
  /** For faults by probability and test modes. Default: 1. */
  readonly seed?: number;
  readonly minPartBytes?: number;
  readonly limits?: Partial<Limits>;
  readonly lifetimes?: Partial<TokenLifetimes>;
  readonly clock?: Clock;
  /** Beside the master key. */
  readonly keys?: readonly KeyOption[];
  /** Buckets that exist from the start. */
  readonly buckets?: readonly string[];
  /** Bucket names that other accounts have taken. */
  readonly foreignBuckets?: readonly string[];
  /** Serves https with this certificate (PEM). */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
}

export interface B2Server {
  /** `http://127.0.0.1:PORT`: what clients call the endpoint. */
  readonly url: string;
  readonly port: number;
  /** The master key, which may do everything. */
  readonly keyId: string;
  readonly key: string;
  readonly account: AccountState;
  readonly requests: readonly LoggedRequest[];
  /** Every body that came for a part, in the order in which they ended. */
  readonly parts: readonly PartRecord[];
  readonly faults: Faults;
  /** Defects of this server itself; a test's clean-up may assert that there are none. */
  readonly defects: readonly unknown[];
  bucket(bucketName: string): BucketView;
  /** As b2_create_bucket with the master key; `fields` are that call's. */
  createBucket(bucketName: string, fields?: Readonly<Record<string, unknown>>): BucketView;
  addKey(key: KeyOption): void;
  /** Every token handed out so far is expired from now on. */
  expireTokens(): void;
  /** Resets every open connection. */
  resetConnections(): void;
  /** Forgets `requests` and `parts`. */
  clearLog(): void;
  close(): Promise<void>;
}

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
  for (const key of options.keys ?? []) b2.addKey(key);
  for (const bucketName of options.buckets ?? []) b2.createBucket(bucketName);
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
