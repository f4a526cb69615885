/**
 * The uploader against the B2 server of the tests, which runs as a process of its own and drops the bytes.
 *
 *     npm run bench -- upload             the tables (about six minutes)
 *     npm run bench -- upload --quick     fewer cells, shorter (about one minute)
 *     npm run bench -- upload --save      kept in bench/results
 *
 * MB/s are 10^6 confirmed bytes per second. The server keeps the link's rate for all connections together.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { createThrottle } from '../../src/bandwidth/limiter.js';
import { systemClock } from '../../src/clock.js';
import { openB2 } from '../../src/b2/open.js';
import type { B2Options } from '../../src/b2/options.js';
import type { ObjectBody, ObjectStore } from '../../src/store.js';
import { publish, type Row, type Table } from '../report.js';

const MBIT = 125_000;
const BUCKET = 'bench-upload';

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean', default: false }, save: { type: 'boolean', default: false } },
  });
  const { quick } = values;
  const tables = [await clientCost(quick), ...(await overConnections(quick)), await utilisation(quick)];
  publish(
    { topic: 'upload', command: `npm run bench -- upload${quick ? ' --quick' : ''}`, tables },
    values.save,
  );
}

interface Server {
  readonly options: Pick<B2Options, 'endpoint' | 'keyId' | 'key' | 'bucket'>;
  stop(): Promise<void>;
}

async function startServer(latencyMs: number, bytesPerSecond?: number): Promise<Server> {
  const main = fileURLToPath(new URL('../../test/support/b2-server/main.js', import.meta.url));
  const rate = bytesPerSecond === undefined ? [] : ['--rate-total', String(bytesPerSecond)];
  const flags = [
    '--json',
    '--data',
    'drop',
    '--bucket',
    BUCKET,
    '--min-part',
    '1000',
    '--latency',
    String(latencyMs),
    ...rate,
  ];
  const child = spawn(process.execPath, [main, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { url, keyId, key } = JSON.parse(line) as { url: string; keyId: string; key: string };
  return {
    options: { endpoint: url, keyId, key, bucket: BUCKET },
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

function bodyOf(bytes: number): ObjectBody {
  const content = Buffer.alloc(bytes, 0xa5);
  return { bytes: content, sha1: createHash('sha1').update(content).digest('hex') };
}

/** Uploads parts for `seconds`, so many at hand at once. @returns bytes and seconds until the last was confirmed */
async function upload(
  store: ObjectStore,
  body: ObjectBody,
  atHand: number,
  seconds: number,
): Promise<{ bytes: number; seconds: number; parts: number }> {
  const fileId = await store.startLarge({
    fileName: 'bench',
    contentType: 'application/octet-stream',
    fileInfo: {},
  });
  const beginMs = performance.now();
  let parts = 0;
  const feed = async (): Promise<void> => {
    while (performance.now() - beginMs < seconds * 1000 && parts < 10_000)
      await store.uploadPart(fileId, ++parts, body);
  };
  await Promise.all(Array.from({ length: atHand }, feed));
  const elapsed = (performance.now() - beginMs) / 1000;
  await store.finishLarge(
    fileId,
    Array.from({ length: parts }, () => body.sha1),
  );
  return { bytes: parts * body.bytes.byteLength, seconds: elapsed, parts };
}

/** What a byte costs this process: MB per second of CPU time, beside the barest client of the same body. */
async function clientCost(quick: boolean): Promise<Table> {
  const body = bodyOf(16_000_000);
  const total = quick ? 60 : 300;
  const server = await startServer(0);
  const rows: Row[] = [];
  const measure = async (client: string, send: () => Promise<unknown>): Promise<void> => {
    await send();
    const cpu = process.cpuUsage();
    const beginMs = performance.now();
    for (let sent = 0; sent < total; sent++) await send();
    const { user, system } = process.cpuUsage(cpu);
    const megabytes = (total * body.bytes.byteLength) / 1e6;
    rows.push({
      client,
      'MB per CPU second': Math.round(megabytes / ((user + system) / 1e6)),
      'of that in our process, not the kernel, ms per GB': Math.round(user / megabytes),
      'MB/s': Math.round(megabytes / ((performance.now() - beginMs) / 1000)),
    });
  };

  const store = await openB2({ ...server.options, connections: 1 });
  const fileId = await store.startLarge({
    fileName: 'cost',
    contentType: 'application/octet-stream',
    fileInfo: {},
  });
  await measure('uploadPart: slices of 256 KiB, watched', () => store.uploadPart(fileId, 1, body));
  await store.close();

  // The same requests without any of the care: what undici and node:http cost by themselves.
  const sink = await rawUrl(server, fileId);
  const headers = {
    authorization: sink.token,
    'x-bz-part-number': '1',
    'x-bz-content-sha1': body.sha1,
    'content-length': String(body.bytes.byteLength),
  };
  const dispatcher = new Agent({ connections: 1 });
  await measure('undici, the whole buffer', async () => {
    const reply = await request(sink.url, { dispatcher, method: 'POST', headers, body: body.bytes });
    await reply.body.text();
    if (reply.statusCode !== 200) throw new Error(`status ${reply.statusCode}`);
  });
  await dispatcher.destroy();
  await measure('node:http, the whole buffer', async () => {
    const outgoing = httpRequest(sink.url, { method: 'POST', headers });
    outgoing.end(body.bytes);
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
    reply.resume();
    await once(reply, 'end');
    if (reply.statusCode !== 200) throw new Error(`status ${String(reply.statusCode)}`);
  });
  await server.stop();
  return { title: 'Cost of the client on loopback, one connection', rows };
}

async function rawUrl(server: Server, fileId: string): Promise<{ url: string; token: string }> {
  const { endpoint = '', keyId, key } = server.options;
  const basic = Buffer.from(`${keyId}:${key}`).toString('base64');
  const login = (await (
    await fetch(`${endpoint}/b2api/v2/b2_authorize_account`, { headers: { authorization: `Basic ${basic}` } })
  ).json()) as { authorizationToken: string };
  const reply = await fetch(`${endpoint}/b2api/v2/b2_get_upload_part_url`, {
    method: 'POST',
    headers: { authorization: login.authorizationToken },
    body: JSON.stringify({ fileId }),
  });
  const { uploadUrl, authorizationToken } = (await reply.json()) as {
    uploadUrl: string;
    authorizationToken: string;
  };
  return { url: uploadUrl, token: authorizationToken };
}

interface Link {
  readonly name: string;
  readonly bytesPerSecond: number | undefined;
  /** Parts are smaller than B2's least, so that a short run has many. */
  readonly partBytes: number;
  readonly connections: readonly (number | 'auto')[];
  readonly seconds: number;
}

async function overConnections(quick: boolean): Promise<Table[]> {
  const links: readonly Link[] = [
    {
      name: '8 Mbit/s',
      bytesPerSecond: 8 * MBIT,
      partBytes: 250_000,
      connections: quick ? [1, 4] : [1, 2, 4, 8, 16, 32, 'auto'],
      seconds: quick ? 3 : 12,
    },
    {
      name: '100 Mbit/s',
      bytesPerSecond: 100 * MBIT,
      partBytes: 1_000_000,
      connections: quick ? [1, 8] : [1, 2, 4, 8, 16, 32, 'auto'],
      seconds: quick ? 2 : 8,
    },
    {
      name: 'unlimited',
      bytesPerSecond: undefined,
      partBytes: 5_000_000,
      connections: quick ? [1, 4] : [1, 2, 4, 8, 16, 32, 'auto'],
      seconds: quick ? 2 : 4,
    },
  ];
  const tables: Table[] = [];
  for (const link of links) {
    const body = bodyOf(link.partBytes);
    const rows: Row[] = [];
    for (const connections of link.connections) {
      const row: Record<string, string | number> = { connections };
      for (const latencyMs of [0, 40, 200]) {
        const server = await startServer(latencyMs, link.bytesPerSecond);
        const max = connections === 'auto' ? 32 : connections;
        const store = await openB2({ ...server.options, connections, maxConnections: max });
        const seen = await upload(store, body, max, link.seconds);
        row[`${latencyMs} ms: MB/s`] = (seen.bytes / seen.seconds / 1e6).toFixed(2);
        if (connections === 'auto')
          row['auto ends with'] = [row['auto ends with'], store.counters.connectionsAllowed]
            .filter((one) => one !== undefined)
            .join(', ');
        await store.close();
        await server.stop();
      }
      rows.push(row);
    }
    tables.push({ title: `Throughput on ${link.name}, parts of ${link.partBytes / 1000} kB`, rows });
  }
  return tables;
}

/** How much of a rate that --bwlimit allows is used over a whole volume, from its start to its finish. */
async function utilisation(quick: boolean): Promise<Table> {
  const rows: Row[] = [];
  for (const [megabits, latencyMs] of quick
    ? ([[8, 100]] as const)
    : ([
        [8, 0],
        [8, 100],
        [8, 200],
        [100, 100],
      ] as const)) {
    const rate = megabits * MBIT;
    const server = await startServer(latencyMs);
    const throttle = createThrottle({ kind: 'fixed', rate }, { clock: systemClock, emit: () => undefined });
    const store = await openB2({ ...server.options, throttle, maxConnections: 8 });
    const beginMs = performance.now();
    const { bytes, parts } = await upload(store, bodyOf(5_000_000), 8, quick ? 15 : 60);
    const seconds = (performance.now() - beginMs) / 1000;
    rows.push({
      'allowed, Mbit/s': megabits,
      'latency, ms': latencyMs,
      'used, %': ((100 * bytes) / seconds / rate).toFixed(1),
      parts,
      'connections at the end': store.counters.connectionsAllowed,
      retries: store.counters.retries,
    });
    await store.close();
    throttle.close();
    await server.stop();
  }
  return { title: 'Use of an allowed rate by a fast source, whole volume, parts of 5 MB', rows };
}
