/**
 * B2's JSON calls through the package `backblaze-b2`, whose only importer this is. What it lacks is hidden here:
 * - Its HTTP client is one for the whole process, with retries of its own, and never times out: each call brings an adapter that
 *   sends over this store's undici agent instead, once.
 * - Its login speaks version 2 of the API to a fixed URL: ours is a request of its own, and the package adopts what it said.
 * - It drops most parameters (file info at start, prefixes, retention, bucket rules): they are merged over what it sends.
 * - It lacks some calls (`LACKING`): those are requests of our own, too.
 * All but the login speaks version 2 of the API, like the package; B2 takes tokens of version 4 there. Tries once: `Account` repeats.
 */
import type B2 from 'backblaze-b2';
import type { AxiosConfig } from 'backblaze-b2';
import type { Authorization } from './authorization.js';
import { exchange, type Transport } from './http.js';
import type { ApiOperation, OperationName } from './operations.js';

/** Where to log in, and with what. */
export interface Login {
  /** As `endpointUrl` gives it. */
  readonly endpoint: string;
  readonly keyId: string;
  readonly key: string;
}

export type Reply = Record<string, unknown>;

const METHODS = {
  b2_list_buckets: 'getBucket',
  b2_create_bucket: 'createBucket',
  b2_update_bucket: 'updateBucket',
  b2_get_upload_url: 'getUploadUrl',
  b2_start_large_file: 'startLargeFile',
  b2_get_upload_part_url: 'getUploadPartUrl',
  b2_finish_large_file: 'finishLargeFile',
  b2_cancel_large_file: 'cancelLargeFile',
  b2_list_parts: 'listParts',
  b2_list_file_versions: 'listFileVersions',
  b2_get_file_info: 'getFileInfo',
  b2_delete_file_version: 'deleteFileVersion',
  b2_get_download_authorization: 'getDownloadAuthorization',
} as const satisfies Record<Exclude<ApiOperation, Lacking>, keyof B2>;

const LACKING = ['b2_list_unfinished_large_files', 'b2_copy_file'] as const satisfies ApiOperation[];
type Lacking = (typeof LACKING)[number];

function isLacking(operation: ApiOperation): operation is Lacking {
  return LACKING.some((lacking) => lacking === operation);
}

export class ControlPlane {
  readonly #b2: B2;
  readonly #transport: Transport;
  readonly #login: Login;

  private constructor(b2: B2, transport: Transport, login: Login) {
    this.#b2 = b2;
    this.#transport = transport;
    this.#login = login;
  }

  /** Loads the package only now: axios and lodash cost 45 ms and 9 MB that `--help` need not pay. */
  static async create(transport: Transport, login: Login): Promise<ControlPlane> {
    const { default: Package } = await import('backblaze-b2');
    const b2 = new Package({ applicationKeyId: '', applicationKey: '', retry: { retries: 0 } });
    return new ControlPlane(b2, transport, login);
  }

  get endpoint(): string {
    return this.#login.endpoint;
  }

  /** The account token in use; null before the first login. */
  get token(): string | null {
    return this.#b2.authorizationToken;
  }

  /** Logs in. What came of it counts once it is adopted. */
  async authorize(signal?: AbortSignal): Promise<Reply> {
    const { endpoint, keyId, key } = this.#login;
    return await exchange(this.#transport, {
      operation: 'b2_authorize_account',
      method: 'GET',
      url: `${endpoint}/b2api/v4/b2_authorize_account`,
      headers: { authorization: `Basic ${Buffer.from(`${keyId}:${key}`).toString('base64')}` },
      signal,
    });
  }

  /** Every call from now on carries this login. */
  adopt({ accountId, token, apiUrl, downloadUrl }: Authorization): void {
    Object.assign(this.#b2, { accountId, authorizationToken: token, apiUrl, downloadUrl });
  }

  /** @param parameters - of the call, as B2 documents them; undefined ones are left out */
  async call(operation: ApiOperation, parameters: Reply, signal?: AbortSignal): Promise<Reply> {
    if (isLacking(operation)) return await this.#exchange(operation, parameters, signal);
    const { data } = await this.#b2[METHODS[operation]]({
      ...parameters,
      axios: { adapter: this.#adapter(operation, signal) },
      axiosOverride: { data: parameters },
    });
    return data as Reply;
  }

  async #exchange(
    operation: ApiOperation,
    parameters: Reply,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    const { apiUrl, authorizationToken } = this.#b2;
    return await exchange(this.#transport, {
      operation,
      method: 'POST',
      url: `${apiUrl ?? ''}/b2api/v2/${operation}`,
      headers: { authorization: authorizationToken ?? '', 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
      signal,
    });
  }

  #adapter(operation: OperationName, signal: AbortSignal | undefined) {
    return async (config: AxiosConfig) => {
      const data = await exchange(this.#transport, {
        operation,
        method: config.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
        url: config.url,
        headers: config.headers.toJSON(),
        body: config.data,
        signal,
      });
      return { data, status: 200, statusText: 'OK', headers: {}, config };
    };
  }
}
