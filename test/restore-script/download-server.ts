/** Range requests by name, with planted faults: the line between a restore script and B2. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  'none' | '503' | '429' | '401' | '403' | '404' | 'cut' | 'empty' | 'flip' | 'whole' | 'held';

export interface DownloadServer {
  readonly baseUrl: string;
  readonly files: Map<string, Uint8Array>;
  token: string;
  /** Asked for each request, with its number (from 1). */
  fault: (request: number, name: string) => Fault;
  requests: {
    readonly name: string;
    readonly range: string;
    readonly authorization: string;
    readonly status: number;
  }[];
  /** Made so far. */
  connections: number;
  /** Until then a `held` answer stops in its middle. */
  release: Promise<void>;
  close(): Promise<void>;
}

export async function downloadServer(): Promise<DownloadServer> {
  const server = createServer((request, response) => {
    answer(state, request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const state: DownloadServer = {
    baseUrl: `http://127.0.0.1:${port}/file/bucket/`,
    files: new Map(),
    token: 'TOKEN',
    fault: () => 'none',
    requests: [],
    connections: 0,
    release: Promise.resolve(),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
  server.on('connection', () => {
    state.connections += 1;
  });
  return state;
}

function answer(state: DownloadServer, request: IncomingMessage, response: ServerResponse): void {
  const name = decodeURIComponent((request.url ?? '').slice('/file/bucket/'.length));
  const range = request.headers.range ?? '';
  const authorization = request.headers.authorization ?? '';
  const end = (
    status: number,
    body: Uint8Array = Buffer.from('{"code":"planted","message":"","status":0}'),
  ): void => {
    state.requests.push({ name, range, authorization, status });
    response.writeHead(status, { 'content-length': body.length });
    response.end(body);
  };
  const fault = state.fault(state.requests.length + 1, name);
  if (/^[1-5]\d\d$/.test(fault)) {
    end(Number(fault));
    return;
  }
  const file = state.files.get(name);
  if (authorization !== state.token) {
    end(401);
    return;
  }
  const match = /^bytes=(\d+)-(\d+)$/.exec(range);
  if (file === undefined || match === null) {
    end(404);
    return;
  }
  if (fault === 'whole') {
    end(200, file);
    return;
  }
  const body = Buffer.from(file.subarray(Number(match[1]), Number(match[2]) + 1));
  if (fault === 'flip') body[0] = (body[0] ?? 0) ^ 1;
  if (fault === 'held') {
    state.requests.push({ name, range, authorization, status: 206 });
    response.writeHead(206, { 'content-length': body.length });
    const half = Math.floor(body.length / 2);
    response.write(body.subarray(0, half));
    void state.release.then(() => response.end(body.subarray(half)));
    return;
  }
  if (fault === 'cut' || fault === 'empty') {
    state.requests.push({ name, range, authorization, status: 206 });
    response.writeHead(206, { 'content-length': body.length });
    response.flushHeaders();
    const part = body.subarray(0, fault === 'cut' ? Math.floor(body.length / 2) : 0);
    response.write(part, () => {
      response.destroy();
    });
    return;
  }
  end(206, body);
}
