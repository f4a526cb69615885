import type { IncomingMessage, ServerResponse } from 'node:http';
import type { B2Server } from './b2-server.js';
import type { FaultRule } from './fault-rule.js';
import { Params } from './params.js';
import { receiveText } from './receive-body.js';

/**
 * For tests and benchmarks that run the server as a process of its own. JSON in and out:
 *
 *     GET    /control/state                          buckets, and their versions
 *     GET    /control/requests                       the log
 *     GET    /control/parts                          every part body that came (without its bytes)
 *     GET    /control/content?bucket=B&name=N        a file's bytes
 *     GET    /control/faults                         rules, with how often each was seen and fired
 *     POST   /control/faults      {"rules": […]}     plants rules, objects or words
 *     DELETE /control/faults                         takes all away
 *     POST   /control/buckets     {"bucketName": …}  creates a bucket
 *     POST   /control/expire-tokens, /control/reset-connections, /control/clear-log
 */
export async function control(
  b2: B2Server,
  request: IncomingMessage,
  response: ServerResponse,
  rest: string,
  query: URLSearchParams,
): Promise<void> {
  const body = await receiveText(request);
  try {
    const value = act(
      b2,
      `${request.method ?? ''} ${rest}`,
      body.trim() === '' ? Params.ofQuery(query) : Params.ofJson(body),
    );
    const bytes = value instanceof Buffer ? value : Buffer.from(JSON.stringify(value));
    response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes);
  } catch (error) {
    response
      .writeHead(400, { 'Content-Type': 'text/plain' })
      .end(`${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function act(b2: B2Server, what: string, params: Params): unknown {
  switch (what) {
    case 'GET state':
      return state(b2);
    case 'GET requests':
      return b2.requests;
    case 'GET parts':
      return b2.parts.map((part) => ({ ...part, bytes: undefined }));
    case 'GET content':
      return b2.bucket(params.string('bucket')).read(params.string('name'));
    case 'GET faults':
      return b2.faults.planted.map(({ name, rule, seen, fired }) => ({ name, rule, seen, fired }));
    case 'POST faults':
      for (const rule of params.optionalList('rules') ?? []) b2.faults.add(rule as FaultRule | string);
      return {};
    case 'DELETE faults':
      b2.faults.clear();
      return {};
    case 'POST buckets':
      return {
        bucketId: b2.createBucket(
          params.string('bucketName'),
          Object.fromEntries(params.names().map((name) => [name, params.raw(name)])),
        ).bucketId,
      };
    case 'POST expire-tokens':
      b2.expireTokens();
      return {};
    case 'POST reset-connections':
      b2.resetConnections();
      return {};
    case 'POST clear-log':
      b2.clearLog();
      return {};
    default:
      throw new Error(`no such control call: ${what}`);
  }
}

function state(b2: B2Server): unknown {
  return {
    accountId: b2.account.accountId,
    buckets: [...b2.account.buckets.values()].map(({ bucketId, bucketName }) => ({
      bucketId,
      bucketName,
      versions: b2
        .bucket(bucketName)
        .versions()
        .map(
          ({ fileName, fileId, action, contentLength, contentSha1, fileInfo, uploadTimestamp, parts }) => ({
            fileName,
            fileId,
            action,
            contentLength,
            contentSha1,
            fileInfo,
            uploadTimestamp,
            parts: parts.size,
          }),
        ),
    })),
  };
}
