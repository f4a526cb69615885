/** Callers that wait for their turn, in the order in which they came. A caller whose signal is aborted leaves the queue. */
interface Waiter<Request, Grant> {
  readonly request: Request;
  readonly grant: (grant: Grant) => void;
}

export class WaitQueue<Request, Grant> {
  readonly #waiters = new Set<Waiter<Request, Grant>>();
  readonly #onLeave: () => void;

  /** @param onLeave called after an aborted caller has left */
  constructor(onLeave: () => void = () => undefined) {
    this.#onLeave = onLeave;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** What the next caller in line asks for; undefined if nobody waits. */
  get next(): Request | undefined {
    return this.#first()?.request;
  }

  /** Resolves with what the caller is granted. Rejects with the signal's reason. */
  wait(request: Request, signal?: AbortSignal): Promise<Grant> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const waiter: Waiter<Request, Grant> = {
        request,
        grant: (grant) => {
          signal?.removeEventListener('abort', leave);
          resolve(grant);
        },
      };
      const leave = () => {
        this.#waiters.delete(waiter);
        this.#onLeave();
        // The caller gets back the reason that it gave itself.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Takes the next caller out of the queue and lets it go on. @returns false if nobody waits */
  grantNext(grant: Grant): boolean {
    const waiter = this.#first();
    if (waiter === undefined) return false;
    this.#waiters.delete(waiter);
    waiter.grant(grant);
    return true;
  }

  #first(): Waiter<Request, Grant> | undefined {
    for (const waiter of this.#waiters) return waiter;
    return undefined;
  }
}
