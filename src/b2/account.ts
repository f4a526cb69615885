/** The login to B2, shared by every call, and the JSON calls with their retries. */
import { Failure } from '../errors.js';
import type { Retrying } from './retry/retrying.js';
import type { StoreCounters } from '../store.js';
import { readAuthorization, type Allowed, type Authorization } from './authorization.js';
import type { ControlPlane, Reply } from './control-plane.js';
import { OPERATIONS, type ApiOperation } from './operations.js';
import { readWith, type Transport } from './http.js';
import type { Patience, Trouble } from './retry/retry.js';
import { eitherSignal, unlessAborted } from './signals.js';

export interface CallOptions<T> {
  readonly signal?: AbortSignal | undefined;
  /** The large file that the call is about, if any. */
  readonly fileId?: string | undefined;
  readonly settle?: (trouble: Trouble) => Promise<T | undefined> | T | undefined;
}

export interface AccountParts {
  readonly plane: ControlPlane;
  readonly transport: Transport;
  readonly retrying: Retrying;
  readonly counters: StoreCounters;
  /** Of the first login: somebody may be waiting for it. */
  readonly loginPatience: Patience;
}

export class Account {
  readonly #plane: ControlPlane;
  readonly #transport: Transport;
  readonly #retrying: Retrying;
  readonly #counters: StoreCounters;
  readonly #loginPatience: Patience;
  #current: Authorization | undefined;
  #running: Promise<Authorization> | undefined;

  constructor({ plane, transport, retrying, counters, loginPatience }: AccountParts) {
    this.#plane = plane;
    this.#transport = transport;
    this.#retrying = retrying;
    this.#counters = counters;
    this.#loginPatience = loginPatience;
  }

  /** What the last login said. @throws Failure `internal` before the first one */
  get authorization(): Authorization {
    if (this.#current === undefined) throw new Failure('internal', 'used before the login to B2');
    return this.#current;
  }

  /** What the key may do; undefined before the first login. */
  get allowed(): Allowed | undefined {
    return this.#current?.allowed;
  }

  /** Logs in: once, however many callers wait for it. */
  authorize(): Promise<Authorization> {
    this.#running ??= this.#login().finally(() => {
      this.#running = undefined;
    });
    // The caller may have been stopped meanwhile.
    this.#running.catch(() => undefined);
    return this.#running;
  }

  /** A new token, unless somebody else got one since `stale` was in use. */
  async renew(stale: string | null): Promise<void> {
    if (this.#running === undefined && this.#plane.token !== stale) return;
    await this.authorize();
  }

  /**
   * A JSON call, repeated as `decide` says.
   * @param read - takes from the answer what is needed of it; where it cannot, the call is repeated
   */
  async call<T>(
    operation: ApiOperation,
    parameters: Reply,
    read: (reply: Reply) => T,
    options: CallOptions<T> = {},
  ): Promise<T> {
    const { stage, billedAs } = OPERATIONS[operation];
    const { fileId, settle } = options;
    const signal = eitherSignal(this.#transport.signal, options.signal);
    let token = this.#plane.token;
    return await this.#retrying.run(
      {
        operation,
        stage,
        ...(fileId === undefined ? {} : { fileId }),
        attempt: async () => {
          token = this.#plane.token;
          this.#counters[billedAs] += 1;
          return readWith(read, operation, await this.#plane.call(operation, parameters, signal));
        },
        prepare: async (retry) => {
          if (retry.authorize) await unlessAborted(this.renew(token), signal);
        },
        ...(settle === undefined ? {} : { settle }),
      },
      signal,
    );
  }

  async #login(): Promise<Authorization> {
    const { signal } = this.#transport;
    const first = this.#current === undefined;
    const authorization = await this.#retrying.run(
      {
        operation: 'b2_authorize_account',
        stage: first ? 'authorize' : 'renew',
        ...(first ? { patience: this.#loginPatience } : {}),
        attempt: async () => {
          this.#counters.classC += 1;
          const reply = await this.#plane.authorize(signal);
          const read = (fields: Reply): Authorization => readAuthorization(fields, this.#plane.endpoint);
          return readWith(read, 'b2_authorize_account', reply);
        },
      },
      signal,
    );
    this.#plane.adopt(authorization);
    this.#current = authorization;
    return this.#current;
  }
}
