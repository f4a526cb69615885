/** Uploads of objects and parts: upload URLs, connections, retries. */
import { setMaxListeners } from 'node:events';
import type { Throttle } from '../bandwidth/throttle.js';
import type { Connections } from './connections/connections.js';
import type { Retrying } from './retry/retrying.js';
import type { ObjectBody, StoreCounters } from '../store.js';
import type { Account } from './account.js';
import type { Reply } from './control-plane.js';
import { readWith, type Transport } from './http.js';
import { OPERATIONS } from './operations.js';
import { eitherSignal } from './signals.js';
import { send } from './upload.js';
import { readUploadUrl, UploadUrls, type UploadUrl } from './upload-urls.js';

export interface UploaderParts {
  readonly transport: Transport;
  readonly account: Account;
  readonly retrying: Retrying;
  readonly connections: Connections;
  readonly throttle: Throttle;
  readonly counters: StoreCounters;
  readonly bucketId: string;
}

export interface Body {
  readonly operation: 'b2_upload_file' | 'b2_upload_part';
  /** For the log: which part of what. */
  readonly label: string;
  /** Of a part. */
  readonly fileId?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ObjectBody;
}

export class Uploader {
  readonly #parts: UploaderParts;
  readonly #ofBucket: UploadUrls;
  /** Part URLs serve one large file each. */
  readonly #ofFile = new Map<string, UploadUrls>();

  constructor(parts: UploaderParts) {
    this.#parts = parts;
    const { account, bucketId } = parts;
    this.#ofBucket = new UploadUrls(
      async (signal) =>
        await account.call(
          'b2_get_upload_url',
          { bucketId },
          (reply) => readUploadUrl(reply, account.authorization.apiUrl),
          { signal },
        ),
    );
  }

  /**
   * Resolves with what `read` takes from B2's receipt, which agrees with the body.
   * @throws Failure, VolumeLost, or the signal's reason
   */
  async upload<T>(upload: Body, read: (receipt: Reply) => T, until?: AbortSignal): Promise<T> {
    const { transport, retrying, connections, counters, throttle } = this.#parts;
    const { operation, fileId, label, headers, body } = upload;
    const { stage, billedAs } = OPERATIONS[operation];
    const signal = eitherSignal(transport.signal, until);
    // One signal for all parts of a run, each of which listens to it: no leak.
    if (signal !== undefined) setMaxListeners(0, signal);
    const urls = this.#urlsOf(fileId);
    const accepted = (bytes: number, held: boolean) => {
      counters.bytesSent += bytes;
      connections.accepted(bytes, held);
    };
    let to: UploadUrl | undefined;
    return await retrying.run(
      {
        operation: `${operation} ${label}`,
        stage,
        ...(fileId === undefined ? {} : { fileId }),
        attempt: async (nth) => {
          const release = await connections.take(nth > 1, signal);
          try {
            to = await urls.take(signal);
            // Checked last: a refusal that came meanwhile also applies to this upload.
            await retrying.gate.passed(signal);
            counters[billedAs] += 1;
            const reply = await send(transport, { operation, to, headers, body, throttle, accepted, signal });
            const receipt = readWith(read, operation, reply);
            urls.giveBack(to);
            counters.bytesConfirmed += body.bytes.byteLength;
            connections.confirmed();
            retrying.noteProgress(fileId);
            return receipt;
          } finally {
            release();
          }
        },
        prepare: (retry, trouble) => {
          if (retry.endpoint === 'same' && to !== undefined) urls.giveBack(to);
          connections.failed(trouble.kind);
        },
      },
      signal,
    );
  }

  /** The large file is finished or cancelled: its URLs are no longer needed. */
  forget(fileId: string): void {
    this.#ofFile.delete(fileId);
  }

  #urlsOf(fileId: string | undefined): UploadUrls {
    if (fileId === undefined) return this.#ofBucket;
    const known = this.#ofFile.get(fileId);
    if (known !== undefined) return known;
    const { account } = this.#parts;
    const urls = new UploadUrls(
      async (signal) =>
        await account.call(
          'b2_get_upload_part_url',
          { fileId },
          (reply) => readUploadUrl(reply, account.authorization.apiUrl),
          { signal, fileId },
        ),
    );
    this.#ofFile.set(fileId, urls);
    return urls;
  }
}
