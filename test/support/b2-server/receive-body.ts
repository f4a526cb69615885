import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ByteSink } from './bytes.js';
import { ConnectionGone } from './errors.js';

/** A planted fault: once so many bytes came, reading ends (`stop`) or waits for a promise. */
export interface Interruption {
  readonly afterBytes: number;
  act(): 'stop' | Promise<void>;
}

/** What a body is measured and stored by while it arrives. This is the hot path: nothing here touches a byte more than once. */
export interface BodyPlan {
  /** Of the header. */
  readonly contentLength: number;
  /** Bytes at the end that are not data: 40 with `hex_digits_at_end`. */
  readonly trailerBytes: number;
  readonly sink: ByteSink | undefined;
  readonly wantMd5: boolean;
  /** ms to wait before reading on, after so many bytes. */
  readonly pace: ((bytes: number) => number) | undefined;
  readonly sleep: (ms: number) => Promise<void>;
  readonly interruption: Interruption | undefined;
}

export interface ReceivedBody {
  readonly receivedBytes: number;
  /** Hex digest of the data that came. */
  readonly sha1: string;
  readonly md5: string | undefined;
  readonly trailer: string;
  /** Whether every byte came. If not: the connection broke (`gone`), or a fault stopped the reading (`stopped`). */
  readonly outcome: 'complete' | 'gone' | 'stopped';
}

/** Reads one upload's body to its end, or to where it breaks. Never rejects. */
export function receiveBody(request: IncomingMessage, plan: BodyPlan): Promise<ReceivedBody> {
  return new Promise((resolve) => {
    const sha1 = createHash('sha1');
    const md5: Hash | undefined = plan.wantMd5 ? createHash('md5') : undefined;
    const dataBytes = plan.contentLength - plan.trailerBytes;
    let receivedBytes = 0;
    let trailer = '';
    let { interruption } = plan;

    const take = (chunk: Buffer): void => {
      const data =
        receivedBytes + chunk.length <= dataBytes
          ? chunk
          : chunk.subarray(0, Math.max(0, dataBytes - receivedBytes));
      if (data.length > 0) {
        sha1.update(data);
        md5?.update(data);
        plan.sink?.write(data);
      }
      if (data.length < chunk.length) trailer += chunk.toString('latin1', data.length);
      receivedBytes += chunk.length;
    };

    const settle = (outcome: ReceivedBody['outcome']): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      resolve({ receivedBytes, sha1: sha1.digest('hex'), md5: md5?.digest('hex'), trailer, outcome });
    };

    const pause = (until: Promise<void>): void => {
      request.pause();
      void until.then(() => request.resume());
    };

    const onData = (chunk: Buffer): void => {
      take(chunk);
      const wait = plan.pace?.(chunk.length) ?? 0;
      if (interruption !== undefined && receivedBytes >= interruption.afterBytes) {
        const next = interruption.act();
        interruption = undefined;
        if (next === 'stop') {
          request.pause();
          settle('stopped');
        } else {
          pause(next);
        }
      } else if (wait >= 1) {
        pause(plan.sleep(wait));
      }
    };
    const onEnd = (): void => {
      settle(receivedBytes === plan.contentLength ? 'complete' : 'gone');
    };
    const onClose = (): void => {
      settle('gone');
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

/** A whole JSON body. @throws ConnectionGone */
export async function receiveText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw new ConnectionGone('client closed the connection', { cause: error });
  }
  return Buffer.concat(chunks).toString();
}
