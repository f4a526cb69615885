/**
 * Upload URLs: each serves one upload at a time, any number in series, until it refuses one. So a URL is taken for an upload
 * and given back only after success; after any failure, and after a time-out of ours, it is forgotten.
 */
import { field } from './reply.js';

export interface UploadUrl {
  readonly url: string;
  readonly token: string;
}

/** @param apiUrl where it was asked for. @throws UnreadableReply */
export function readUploadUrl(reply: Readonly<Record<string, unknown>>, apiUrl: string): UploadUrl {
  return { url: field.url(reply, 'uploadUrl', apiUrl), token: field.token(reply, 'authorizationToken') };
}

export class UploadUrls {
  readonly #free: UploadUrl[] = [];
  readonly #request: (signal?: AbortSignal) => Promise<UploadUrl>;

  /** @param request - asks B2 for another one */
  constructor(request: (signal?: AbortSignal) => Promise<UploadUrl>) {
    this.#request = request;
  }

  /** The one used last, since its connection is most likely still open; or a new one. */
  async take(signal?: AbortSignal): Promise<UploadUrl> {
    return this.#free.pop() ?? (await this.#request(signal));
  }

  giveBack(url: UploadUrl): void {
    this.#free.push(url);
  }
}
