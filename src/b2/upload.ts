/** Sends one body to one upload URL, once, and checks B2's receipt against what was sent. */
import type { Readable } from 'node:stream';
import { request } from 'undici';
import type { Throttle } from '../bandwidth/throttle.js';
import { TroubleError } from './retry/retrying.js';
import type { ObjectBody } from '../store.js';
import { slices } from './body.js';
import { Watchdog } from './deadline.js';
import { asTrouble, readReply, type Transport } from './http.js';
import type { UploadUrl } from './upload-urls.js';

export interface Upload {
  readonly operation: 'b2_upload_file' | 'b2_upload_part';
  readonly to: UploadUrl;
  /** Beyond Authorization, Content-Length and the SHA-1. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ObjectBody;
  readonly throttle: Throttle;
  /** `bytes` more were accepted by the socket; `held`: the limit had kept them waiting. */
  readonly accepted: (bytes: number, held: boolean) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Linux's largest send buffer (net.ipv4.tcp_wmem): so much can still wait to leave this machine when the last byte is accepted. */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;
/** Of a body that fits into that buffer nobody knows how fast it leaves: 128 kbit/s. */
const SLOW_BYTES_PER_MS = 16;

/**
 * How long to wait for the answer to a body of `bytes` whose last one was accepted after `ms`: `replyMs`, and what the buffered rest
 * may take at the speed that the rest of the body showed.
 */
export function answerLimitMs(replyMs: number, bytes: number, ms: number): number {
  const buffered = Math.min(bytes, SEND_BUFFER_BYTES);
  const left = bytes - buffered;
  const bytesPerMs = left > 0 ? left / Math.max(1, ms) : SLOW_BYTES_PER_MS;
  return replyMs + Math.min(4 * replyMs, buffered / bytesPerMs);
}

/** @returns B2's answer. @throws TroubleError, or the signal's reason */
export async function send(transport: Transport, upload: Upload): Promise<Record<string, unknown>> {
  const { operation, to, body, throttle, accepted, signal } = upload;
  const { clock, timeouts } = transport;
  const beganMs = clock.monotonic();
  const dog = new Watchdog(clock, timeouts.connectMs + timeouts.stallMs, 'no byte was accepted', signal);
  const stream = slices(body.bytes, {
    throttle,
    dog,
    nowMs: () => clock.monotonic(),
    accepted: (bytes, held) => {
      dog.expect('no byte was accepted', timeouts.stallMs);
      accepted(bytes, held);
    },
    ended: () => {
      dog.expect(
        'no answer',
        answerLimitMs(timeouts.replyMs, body.bytes.byteLength, clock.monotonic() - beganMs),
      );
    },
  });
  try {
    const {
      statusCode,
      headers,
      body: answer,
    } = await request(to.url, {
      dispatcher: transport.agent,
      method: 'POST',
      headers: {
        ...upload.headers,
        authorization: to.token,
        'content-length': String(body.bytes.byteLength),
        'x-bz-content-sha1': body.sha1,
        'user-agent': transport.userAgent,
      },
      body: body.bytes.byteLength === 0 ? null : asBody(stream),
      signal: dog.signal,
    });
    dog.expect('the answer did not end', timeouts.stallMs);
    const reply = readReply(transport, operation, statusCode, headers, await answer.text());
    checkReceipt(operation, reply, body);
    return reply;
  } catch (thrown) {
    throw asTrouble(operation, thrown, signal);
  } finally {
    dog.stop();
  }
}

/** undici documents async iterables as bodies (docs/api/Dispatcher.md, DispatchOptions.body), but its types leave them out. */
function asBody(stream: AsyncIterable<Uint8Array>): Readable {
  return stream as unknown as Readable;
}

function checkReceipt(operation: string, reply: Record<string, unknown>, body: ObjectBody): void {
  const { contentSha1, contentLength } = reply;
  const sha1 = typeof contentSha1 === 'string' ? contentSha1.replace(/^unverified:/, '') : '';
  if (sha1 === body.sha1 && contentLength === body.bytes.byteLength) return;
  const reason = `${operation}: B2 confirms ${String(contentLength)} bytes with SHA-1 ${sha1}, sent were ${body.bytes.byteLength} with ${body.sha1}`;
  throw new TroubleError({ kind: 'damaged', reason });
}
