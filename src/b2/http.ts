/** One HTTP exchange with B2 over undici, with a small answer. Tries once. */
import { request, type Dispatcher } from 'undici';
import type { Clock } from '../clock.js';
import { errorCode } from '../errors.js';
import { TroubleError } from './retry/retrying.js';
import { Stalled, Watchdog } from './deadline.js';
import { OPERATIONS, type OperationName } from './operations.js';
import type { Allowed } from './authorization.js';
import { UnreadableReply } from './reply.js';
import type { ServerTime } from './server-time.js';
import { errorReply, troubleOfNetwork, troubleOfReply } from './translate.js';

export interface Timeouts {
  /** Until the connection stands. */
  readonly connectMs: number;
  /** How long a socket may accept no byte of a body. */
  readonly stallMs: number;
  /**
   * From the end of a request to the answer, of calls that B2 answers at once. Slow ones get a multiple (`operations.ts`), and an
   * upload what its last bytes may still need to leave this machine.
   */
  readonly replyMs: number;
}

export const TIMEOUTS: Timeouts = { connectMs: 30_000, stallMs: 90_000, replyMs: 60_000 };

/** What every exchange needs. */
export interface Transport {
  readonly agent: Dispatcher;
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  readonly userAgent: string;
  /** Ends every exchange, and every wait for the next one. */
  readonly signal: AbortSignal | undefined;
  /** Learns B2's time from each answer. */
  readonly serverTime: ServerTime;
  /** What the key may do, once known; it makes better error messages. */
  allowed(): Allowed | undefined;
}

export interface JsonRequest {
  readonly operation: OperationName;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @returns the parsed answer. @throws TroubleError, or the signal's reason */
export async function exchange(transport: Transport, call: JsonRequest): Promise<Record<string, unknown>> {
  const limitMs = transport.timeouts.replyMs * OPERATIONS[call.operation].slowness;
  const dog = new Watchdog(transport.clock, limitMs, 'no answer', call.signal);
  try {
    const { statusCode, headers, body } = await request(call.url, {
      dispatcher: transport.agent,
      method: call.method,
      headers: { ...call.headers, 'user-agent': transport.userAgent },
      body: call.body ?? null,
      signal: dog.signal,
    });
    return readReply(transport, call.operation, statusCode, headers, await boundedText(body));
  } catch (thrown) {
    throw asTrouble(call.operation, thrown, call.signal);
  } finally {
    dog.stop();
  }
}

/** A page of a listing, each file with all the file info that B2 takes, has less. */
const MOST_REPLY_BYTES = 128 * 1024 * 1024;

/** @throws UnreadableReply where it does not end */
export async function boundedText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > MOST_REPLY_BYTES) throw new UnreadableReply('the answer is larger than any of B2');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** @throws TroubleError for anything but a JSON object with status 200 */
export function readReply(
  transport: Transport,
  operation: OperationName,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): Record<string, unknown> {
  const parsed = parseJson(text);
  if (status !== 200) {
    const reply = errorReply(status, parsed, single(headers['retry-after']));
    throw new TroubleError(troubleOfReply(operation, reply, transport.allowed(), transport.clock.now()));
  }
  if (typeof parsed !== 'object' || parsed === null) {
    throw unreadable(operation, 'the answer is not JSON');
  }
  transport.serverTime.note(single(headers['date']));
  return parsed as Record<string, unknown>;
}

/** What `read` takes from an answer. @throws TroubleError where the answer does not have it */
export function readWith<T>(
  read: (reply: Record<string, unknown>) => T,
  operation: OperationName,
  reply: Record<string, unknown>,
): T {
  try {
    return read(reply);
  } catch (thrown) {
    if (thrown instanceof UnreadableReply) throw unreadable(operation, thrown.message);
    throw thrown;
  }
}

export function unreadable(operation: OperationName, what: string): TroubleError {
  return new TroubleError({ kind: 'foreign-answer', reason: `${operation}: ${what}` });
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whatever undici threw, as `TroubleError`; the caller's own abort stays what it is. */
export function asTrouble(
  operation: OperationName,
  thrown: unknown,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (thrown instanceof TroubleError) return thrown;
  if (thrown instanceof UnreadableReply) return unreadable(operation, thrown.message);
  if (thrown instanceof Stalled) {
    return new TroubleError({ kind: 'stalled', reason: `${operation}: ${thrown.message}` });
  }
  if (!(thrown instanceof Error)) return thrown;
  const { code, message } = rootCause(thrown);
  // Without a code it is not a network error but a defect of ours: do not retry.
  if (code === '') return thrown;
  return new TroubleError(troubleOfNetwork(operation, code, message));
}

/** If several addresses were tried, Node reports an AggregateError without a message of its own. */
function rootCause(error: Error): { code: string; message: string } {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (codeOf(error) === '' && inner instanceof Error) return rootCause(inner);
  const message = error.message === '' && inner instanceof Error ? inner.message : error.message;
  return { code: codeOf(error), message: message === '' ? codeOf(error) : message };
}

function codeOf(error: Error): string {
  return errorCode(error) ?? '';
}
