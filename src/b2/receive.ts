/** One GET whose body goes into memory of the caller. */
import type { Dispatcher } from 'undici';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface ReceiveRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Where the body of a good answer goes. */
  readonly into: Uint8Array;
}

export interface ReceiveReply {
  readonly statusCode: number;
  readonly headers: Headers;
  readonly body: ReceivedBody;
}

export interface ReceivedBody extends AsyncIterable<Uint8Array> {
  /** Gives the connection up if the body has not ended. */
  destroy(): void;
}

/**
 * `request` of undici hands out pieces, each in new memory. Here undici's own piece is copied the moment it comes: it may be memory that the next
 * one overwrites (`agent.ts`).
 */
export function receive(dispatcher: Dispatcher, request: ReceiveRequest): Promise<ReceiveReply> {
  return new Promise((resolve, reject) => {
    const { origin, pathname, search } = new URL(request.url);
    const receiver = new Receiver(request, resolve, reject);
    const { headers } = request;
    dispatcher.dispatch(
      { origin, path: pathname + search, method: 'GET', headers: { ...headers } },
      receiver,
    );
  });
}

/** Broken off because nobody wants the rest. */
const UNWANTED = new Error('the rest is not wanted');

class Receiver implements Dispatcher.DispatchHandler, ReceivedBody {
  readonly #into: Uint8Array;
  readonly #signal: AbortSignal;
  readonly #resolve: (reply: ReceiveReply) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #aborted = () => {
    this.#breakOff(this.#signal.reason);
  };
  #controller: Dispatcher.DispatchController | undefined;
  /** Pieces that have no place in `into`: of a refusal, or behind its end. */
  readonly #apart: Uint8Array[] = [];
  #refused = false;
  #at = 0;
  #taken = 0;
  #ended = false;
  #error: unknown;
  #wake: () => void = () => undefined;

  constructor(
    { into, signal }: ReceiveRequest,
    resolve: (reply: ReceiveReply) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#into = into;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    signal.addEventListener('abort', this.#aborted);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.#aborted();
    else if (this.#ended) controller.abort(UNWANTED);
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: Headers): void {
    if (statusCode < 200) return;
    this.#refused = statusCode >= 300;
    this.#resolve({ statusCode, headers, body: this });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#refused || this.#at + chunk.length > this.#into.length) {
      this.#apart.push(Uint8Array.from(chunk));
    } else {
      this.#into.set(chunk, this.#at);
      this.#at += chunk.length;
    }
    this.#wake();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#end(error);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#next();
      if (piece !== undefined) yield piece;
      else if (this.#error !== undefined) throw this.#error as Error;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  destroy(): void {
    if (!this.#ended) this.#breakOff(UNWANTED);
  }

  /** All that came since the last one. */
  #next(): Uint8Array | undefined {
    if (this.#taken === this.#at) return this.#apart.shift();
    const piece = this.#into.subarray(this.#taken, this.#at);
    this.#taken = this.#at;
    return piece;
  }

  #breakOff(reason: unknown): void {
    this.#controller?.abort(reason as Error);
    this.#end(reason);
  }

  #end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#signal.removeEventListener('abort', this.#aborted);
    if (error !== undefined) this.#reject(error);
    this.#wake();
  }
}
