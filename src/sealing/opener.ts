/** Opens parts and key packets in worker threads. Needs no keys of its own: each request brings them. */
import { createHash } from 'node:crypto';
import type { SessionKey } from '../openpgp/skesk.js';
import type { OpenedPart, Opener, OpenRequest } from './ports.js';
import { take, WorkerPool, type WorkerPoolOptions } from './worker-pool.js';

/** Session keys that are remembered. */
const MOST_OPENED = 1000;

export function createOpener(options: WorkerPoolOptions): Opener {
  return new PoolOpener(new WorkerPool(options));
}

class PoolOpener implements Opener {
  readonly #pool: WorkerPool;
  /** By key packet and passphrase. The volumes of a run share their packets, and opening one takes a tenth of a second by design. */
  readonly #opened = new Map<string, Promise<SessionKey | undefined>>();

  constructor(pool: WorkerPool) {
    this.#pool = pool;
  }

  async open(request: OpenRequest): Promise<OpenedPart> {
    const buffer = take(request.buffer);
    return this.#pool.run('seal', () => ({ ...request, kind: 'open', buffer }), [buffer]);
  }

  async sha1(
    moved: ArrayBuffer,
    bytes: number,
  ): Promise<{ readonly buffer: ArrayBuffer; readonly sha1: string }> {
    const buffer = take(moved);
    return this.#pool.run('seal', () => ({ kind: 'hash', buffer, bytes }), [buffer]);
  }

  openSkesk(body: Uint8Array, passphrase: Uint8Array): Promise<SessionKey | undefined> {
    const id = createHash('sha256').update(`${body.length} `).update(body).update(passphrase).digest('hex');
    let opened = this.#opened.get(id);
    if (opened === undefined) {
      opened = this.#openSkesk(body, passphrase);
      if (this.#opened.size >= MOST_OPENED) this.#opened.clear();
      this.#opened.set(id, opened);
      opened.catch(() => this.#opened.delete(id));
    }
    return opened;
  }

  async #openSkesk(body: Uint8Array, passphrase: Uint8Array): Promise<SessionKey | undefined> {
    // Copied, because a view would take the whole buffer behind it along.
    const task = { kind: 'openSkesk', body: body.slice(), passphrase: Uint8Array.from(passphrase) } as const;
    const { opened } = await this.#pool.run('seal', () => task, []);
    return opened;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
