import { arrivalOf } from './arrivals.js';
import { authorizeAccount } from './authorize.js';
import { stall } from './connections.js';
import { downloadById, downloadByName, type Download } from './downloads.js';
import { B2Error, badRequest, ConnectionGone, EarlyAnswer, ForeignPage } from './errors.js';
import { cut, drain, sendError, sendJson, type Exchange } from './exchange.js';
import {
  endsToken,
  errorOf,
  fullVault,
  planted,
  testModeFault,
  testModeTokenUses,
  withWrongSha1,
} from './faulty-answer.js';
import type { Fault } from './fault-rule.js';
import { requireCapability } from './keys.js';
import { decodeName } from './names.js';
import { operations } from './operations.js';
import { Params } from './params.js';
import { receiveText } from './receive-body.js';
import type { Route } from './routes.js';
import { sendDownload } from './send-download.js';
import type { Service } from './service.js';
import type { Site } from './site.js';
import { receiveUpload } from './uploads.js';

type ApiRoute = Exclude<Route, { kind: 'control' } | { kind: 'unknown' }>;

/** Answers one request of B2's API, with what the planted faults make of it. */
export async function dispatch(
  site: Site,
  exchange: Exchange,
  route: ApiRoute,
  query: URLSearchParams,
): Promise<void> {
  const sleep = (ms: number): Promise<void> => site.service.clock.sleep(ms);
  try {
    const { fault, answer } = await perform(site, exchange, route, query);
    if (fault?.kind === 'lost-answer') throw planted();
    if (fault?.kind === 'stall' && fault.when === 'answer')
      await stall(exchange.request.socket, fault, sleep);
    if (fault?.kind === 'delay') await sleep(fault.ms);
    await latency(site, exchange);
    if ('download' in answer) await sendDownload(exchange, answer.download, fault, sleep);
    else sendJson(exchange, 200, fault === undefined ? answer.json : changed(answer.json, fault));
  } catch (error) {
    if (error instanceof ConnectionGone) {
      cut(exchange);
      return;
    }
    if (!(error instanceof B2Error)) throw error;
    await latency(site, exchange);
    const drains = error instanceof EarlyAnswer;
    sendError(exchange, error, { close: !exchange.request.complete && !drains });
    if (drains) drain(exchange);
  }
}

/** The answer as this fault gives it. */
function changed(json: Record<string, unknown>, { kind }: Fault): Record<string, unknown> {
  if (kind === 'wrong-sha1') return withWrongSha1(json);
  return kind === 'empty-answer' ? {} : json;
}

type Answer = { readonly json: Record<string, unknown> } | { readonly download: Download };

/** Does what is asked, unless a fault forbids it. @returns the answer, and the fault that is still to act on it. */
async function perform(
  site: Site,
  exchange: Exchange,
  route: ApiRoute,
  query: URLSearchParams,
): Promise<{ fault: Fault | undefined; answer: Answer }> {
  const { service } = site;
  const { request, entry } = exchange;
  if (route.kind === 'upload') {
    entry.fileId = route.fileId;
    entry.fileName = uploadName(exchange, service, route.fileId);
    entry.partNumber = route.fileId === undefined ? undefined : Number(request.headers['x-bz-part-number']);
    const fault = strike(site, exchange);
    if (fault?.kind === 'reset' && fault.when === 'before') throw planted();
    const json = await receiveUpload(service, arrivalOf(site, exchange, route.apiVersion, fault));
    entry.fileId ??= typeof json['fileId'] === 'string' ? json['fileId'] : undefined;
    return { fault, answer: { json } };
  }
  const params = await readParams(exchange, query);
  entry.bucketId = text(params, 'bucketId');
  entry.fileId = text(params, 'fileId');
  entry.fileName =
    route.kind === 'download-by-name'
      ? nameInPath(route.rest)
      : (text(params, 'fileName') ?? nameOf(service, entry.fileId));
  const fault = strike(site, exchange);
  await failBefore(site, exchange, fault);
  if (route.kind === 'download-by-id')
    return { fault, answer: { download: downloadById(service, { headers: request.headers, params }) } };
  if (route.kind === 'download-by-name') {
    return {
      fault,
      answer: { download: downloadByName(service, { headers: request.headers, params }, route.rest) },
    };
  }
  return { fault, answer: { json: callOperation(site, exchange, route, params) } };
}

function callOperation(
  site: Site,
  { request }: Exchange,
  route: Extract<ApiRoute, { kind: 'json' | 'authorize' }>,
  params: Params,
): Record<string, unknown> {
  const { service } = site;
  const { apiVersion, operation: name } = route;
  const { authorization } = request.headers;
  const baseUrl = `${site.scheme}://${request.headers.host ?? ''}`;
  if (route.kind === 'authorize') {
    return authorizeAccount(service, {
      apiVersion,
      baseUrl,
      authorization,
      tokenUses: testModeTokenUses(request.headers, service.random),
    });
  }
  const operation = operations[name];
  if (operation === undefined) throw badRequest(`unknown operation: ${name}`);
  const key = service.tokens.accountKey(authorization);
  requireCapability(key, operation.capability);
  return operation.run(service, { apiVersion, baseUrl, params, key });
}

/** The fault that strikes this request: a full vault, a planted one, or what the client's test mode asks for. */
function strike({ faults, fullVaults, service }: Site, { request, entry }: Exchange): Fault | undefined {
  const struck = faults.strike(entry.operation, entry.fileName);
  const takesParts = entry.operation === 'b2_get_upload_part_url' || entry.operation === 'b2_upload_part';
  if (entry.fileId !== undefined && takesParts && fullVaults.has(entry.fileId)) {
    entry.fault = struck?.name ?? 'full-vault';
    return { kind: 'full-vault' };
  }
  entry.fault = struck?.name;
  return struck?.fault ?? testModeFault(request.headers, entry.operation, service.random);
}

/** For calls without a body of their own: what the fault does instead of the operation. */
async function failBefore(site: Site, { request, entry }: Exchange, fault: Fault | undefined): Promise<void> {
  const { service, fullVaults } = site;
  if (fault?.kind === 'status') {
    const error = errorOf(fault);
    if (endsToken(error) && request.headers.authorization !== undefined)
      service.tokens.expire(request.headers.authorization);
    throw error;
  }
  if (fault?.kind === 'page') throw new ForeignPage(fault.status);
  if (fault?.kind === 'full-vault') {
    if (entry.fileId !== undefined) fullVaults.add(entry.fileId);
    throw fullVault();
  }
  const isDownload = entry.operation.startsWith('b2_download_');
  if (fault?.kind === 'reset' && !(isDownload && fault.when === 'body')) throw planted();
  if (fault?.kind === 'stall' && fault.when === 'body' && !isDownload)
    await stall(request.socket, fault, (ms) => service.clock.sleep(ms));
}

async function readParams({ request, entry }: Exchange, query: URLSearchParams): Promise<Params> {
  const body = await receiveText(request);
  entry.bytesIn = Buffer.byteLength(body);
  const params = body.trim() === '' ? Params.ofQuery(query) : Params.ofJson(body, query);
  entry.fields = params.names();
  return params;
}

async function latency({ latencyMs, service }: Site, { connection }: Exchange): Promise<void> {
  // A new connection costs one more round trip before its first request can even leave.
  const roundTrips = connection.requests === 1 ? 2 : 1;
  if (latencyMs > 0) await service.clock.sleep(latencyMs * roundTrips);
}

function uploadName({ request }: Exchange, service: Service, fileId: string | undefined): string | undefined {
  if (fileId !== undefined) return nameOf(service, fileId);
  const name = request.headers['x-bz-file-name'];
  return typeof name === 'string' ? readable(name) : undefined;
}

function nameOf({ account }: Service, fileId: string | undefined): string | undefined {
  return fileId === undefined ? undefined : account.files.get(fileId)?.fileName;
}

function nameInPath(rest: string): string {
  return readable(rest.slice(rest.indexOf('/') + 1));
}

/** For the log: a name that cannot be decoded is shown as it came. */
function readable(encoded: string): string {
  try {
    return decodeName(encoded);
  } catch {
    return encoded;
  }
}

/** For the log: a parameter of another type is the operation's to refuse. */
function text(params: Params, name: string): string | undefined {
  const value = params.raw(name);
  return typeof value === 'string' ? value : undefined;
}
