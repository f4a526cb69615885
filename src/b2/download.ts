/** Downloads a range of a file, going on where a broken transfer stopped. */
import type { Readable } from 'node:stream';
import { request, type Dispatcher } from 'undici';
import { Failure } from '../errors.js';
import { Tries, TroubleError, type Retry, type Retrying } from './retry/retrying.js';
import type { StoreCounters } from '../store.js';
import type { Account } from './account.js';
import { createAgent, createReceivingAgent } from './agent.js';
import { Watchdog } from './deadline.js';
import { asTrouble, boundedText, readReply, type Transport } from './http.js';
import { receive, type ReceivedBody } from './receive.js';
import { eitherSignal, unlessAborted } from './signals.js';
import { troubleOfNetwork } from './translate.js';

const OPERATION = 'b2_download_file_by_id';

export interface Download {
  readonly fileId: string;
  /** First byte. */
  readonly from: number;
  /** The byte after the last. */
  readonly to: number;
  /** Use a new connection. */
  readonly ownConnection: boolean;
  /** Where the bytes go; as long as the range. */
  readonly into?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DownloadTools {
  readonly transport: Transport;
  /** Of `createReceivingAgent`. */
  readonly receivingAgent: Dispatcher;
  readonly account: Account;
  readonly retrying: Retrying;
  readonly counters: StoreCounters;
}

/** Within the stall limit so many bytes come, or the transfer is none: a byte a minute would hold us for ever. */
const LEAST_BYTES = 16 * 1024;

export async function* download(
  tools: DownloadTools,
  range: Download,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { transport, retrying, account, counters } = tools;
  const { from, to } = range;
  const signal = eitherSignal(transport.signal, range.signal);
  if (!(from >= 0 && to >= from) || (range.into?.length ?? to - from) !== to - from)
    throw new RangeError(`bytes ${from} to ${to} of a file`);
  let offset = from;
  let token = '';
  let sinceMoved = 0;
  const prepare = async (retry: Retry) => {
    if (retry.authorize) await unlessAborted(account.renew(token), signal);
  };
  const tries = new Tries(retrying, { operation: OPERATION, stage: 'download', prepare }, signal);
  while (offset < to) {
    await retrying.gate.passed(signal);
    token = account.authorization.token;
    counters.classB += 1;
    let transfer: Transfer | undefined;
    try {
      const into = range.into?.subarray(offset - from);
      transfer = await open(tools, { ...range, from: offset, into, signal });
      for await (const chunk of transfer.body) {
        const bytes = chunk as Uint8Array;
        counters.bytesReceived += bytes.byteLength;
        if (offset + bytes.byteLength > to) throw trouble('more bytes came than were asked for');
        offset += bytes.byteLength;
        sinceMoved += bytes.byteLength;
        const moved = sinceMoved >= LEAST_BYTES || offset === to;
        if (moved) {
          sinceMoved = 0;
          tries.worked();
        }
        // While the consumer works, the server's silence means nothing.
        transfer.dog.pause();
        yield bytes;
        transfer.dog.resume(moved);
      }
      if (offset < to) throw trouble('the transfer ended early');
    } catch (thrown) {
      const error = asTrouble(OPERATION, thrown, signal);
      if (!(error instanceof TroubleError)) throw error;
      await tries.failed(error);
    } finally {
      transfer?.dog.stop();
      // The consumer stopped early: free the connection.
      transfer?.body.destroy();
      await transfer?.agent?.destroy();
    }
  }
}

interface Transfer {
  readonly body: Readable | ReceivedBody;
  readonly dog: Watchdog;
  /** Of a connection of its own. */
  readonly agent: Dispatcher | undefined;
}

function trouble(reason: string): TroubleError {
  return new TroubleError(troubleOfNetwork(OPERATION, '', reason));
}

async function open(tools: DownloadTools, range: Download): Promise<Transfer> {
  const { transport, account } = tools;
  const { fileId, from, to, ownConnection, into, signal } = range;
  const create = into === undefined ? createAgent : createReceivingAgent;
  const agent = ownConnection ? create(1, transport.timeouts.connectMs) : undefined;
  const { downloadUrl, token } = account.authorization;
  const dog = new Watchdog(transport.clock, transport.timeouts.replyMs, 'no answer', signal);
  let opened: Transfer['body'] | undefined;
  try {
    const url = `${downloadUrl}/b2api/v2/${OPERATION}?fileId=${encodeURIComponent(fileId)}`;
    const asked = {
      headers: { authorization: token, range: `bytes=${from}-${to - 1}`, 'user-agent': transport.userAgent },
      signal: dog.signal,
    };
    const { statusCode, headers, body } =
      into === undefined
        ? await stream(agent ?? transport.agent, url, asked)
        : await receive(agent ?? tools.receivingAgent, { ...asked, url, into });
    opened = body;
    if (statusCode !== 206 && !(statusCode === 200 && from === 0)) {
      if (statusCode === 200) {
        throw new Failure('unavailable', `${OPERATION}: a whole file came instead of a range`, {
          hint: 'check for a proxy that does not pass the Range header on',
        });
      }
      if (statusCode === 416) {
        throw new Failure('damaged', `${OPERATION}: the file ${fileId} has no bytes ${from} to ${to}`);
      }
      readReply(transport, OPERATION, statusCode, headers, await boundedText(body));
      throw trouble(`unexpected status ${statusCode}`);
    }
    dog.expect('no byte came', transport.timeouts.stallMs);
    // An abort of `dog` after this point ends the body with its reason.
    return { body, dog, agent };
  } catch (thrown) {
    dog.stop();
    opened?.destroy();
    await agent?.destroy();
    throw asTrouble(OPERATION, thrown, signal);
  }
}

function stream(
  dispatcher: Dispatcher,
  url: string,
  asked: { readonly headers: Record<string, string>; readonly signal: AbortSignal },
): Promise<Dispatcher.ResponseData> {
  return request(url, { dispatcher, method: 'GET', ...asked }).then((reply) => {
    // Whoever destroys it early knows why, so nobody else needs to listen.
    reply.body.on('error', () => undefined);
    return reply;
  });
}
