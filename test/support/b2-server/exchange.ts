import type { IncomingMessage, ServerResponse } from 'node:http';
import { reset, type Connection } from './connections.js';
import { ForeignPage, type B2Error } from './errors.js';
import type { LoggedRequest } from './request-log.js';

/** One request and its answer on the wire. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly entry: LoggedRequest;
}

const COMMON_HEADERS = { 'Cache-Control': 'max-age=0, no-cache, no-store' };

export function sendJson(
  { request, response, entry }: Exchange,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const text = Buffer.from(JSON.stringify(value, null, 2));
  response.writeHead(status, {
    ...COMMON_HEADERS,
    'Content-Type': 'application/json;charset=UTF-8',
    'Content-Length': text.length,
    ...headers,
  });
  entry.status = status;
  entry.bytesOut = text.length;
  if (request.method === 'HEAD') response.end();
  else response.end(text);
}

/** The error as B2 writes it. After 400 it usually closes the connection; HEAD gets no body. */
export function sendError(exchange: Exchange, error: B2Error, { close = false } = {}): void {
  const { entry, response } = exchange;
  if (error instanceof ForeignPage) {
    entry.status = error.status;
    response.writeHead(error.status, { 'Content-Type': 'text/html' });
    response.end(`<html><h1>${error.status}</h1>This page is blocked by your administrator.</html>\n`);
    return;
  }
  const headers: Record<string, string> = {};
  if (error.retryAfterSeconds !== undefined) headers['Retry-After'] = String(error.retryAfterSeconds);
  if (close || error.status === 400) headers['Connection'] = 'close';
  if (entry.operation === 'b2_authorize_account' && error.status === 401)
    headers['WWW-Authenticate'] = 'BASIC realm="authorize_account"';
  entry.code = error.code;
  if (close) response.once('finish', () => exchange.request.socket.destroy());
  sendJson(
    exchange,
    error.status,
    { code: error.code, message: error.message, status: error.status },
    headers,
  );
}

/** The rest of a body that was answered already: read for nothing. */
export function drain({ request, entry }: Exchange): void {
  request
    .on('data', (chunk: Buffer) => {
      entry.bytesIn += chunk.length;
    })
    .on('error', () => undefined)
    .resume();
}

export function cut({ request }: Exchange): void {
  reset(request.socket);
}
