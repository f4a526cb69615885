import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { startB2Server, type B2Server, type B2ServerOptions } from '../support/b2-server/server.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON, where it is. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Pair {
  readonly uploadUrl: string;
  readonly authorizationToken: string;
}

/** Runs a test against a server of its own; fails it when the server itself had a defect. */
export async function withServer(
  options: B2ServerOptions,
  test: (b2: B2Server, client: Client) => Promise<void>,
): Promise<void> {
  const b2 = await startB2Server({ buckets: ['test-bucket'], ...options });
  try {
    await test(b2, await Client.authorized(b2));
    if (b2.defects.length > 0) throw new Error('the server had defects', { cause: b2.defects });
  } finally {
    await b2.close();
  }
}

/** A client that hides nothing: one request, one answer, no retries. A broken connection rejects. */
export class Client {
  readonly #url: string;
  token: string;
  readonly accountId: string;

  constructor(url: string, token: string, accountId: string) {
    this.#url = url;
    this.token = token;
    this.accountId = accountId;
  }

  static async authorized(
    b2: B2Server,
    keyId = b2.keyId,
    key = b2.key,
    headers: Record<string, string> = {},
  ): Promise<Client> {
    const { json } = await authorize(b2, 2, keyId, key, headers);
    return new Client(b2.url, String(json['authorizationToken']), String(json['accountId']));
  }

  call(
    operation: string,
    body: Record<string, unknown>,
    { version = 2, headers = {} }: { version?: number; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    return send(
      'POST',
      `${this.#url}/b2api/v${version}/${operation}`,
      { Authorization: this.token, ...headers },
      JSON.stringify(body),
    );
  }

  /** A call that must succeed. */
  async ask(
    operation: string,
    body: Record<string, unknown>,
    options: { version?: number } = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.call(operation, body, options);
    if (answer.status !== 200) throw new Error(`${operation}: ${answer.body.toString()}`);
    return answer.json;
  }

  async uploadUrl(bucketId: string): Promise<Pair> {
    return pairOf(await this.ask('b2_get_upload_url', { bucketId }));
  }

  async partUrl(fileId: string): Promise<Pair> {
    return pairOf(await this.ask('b2_get_upload_part_url', { fileId }));
  }

  async start(bucketId: string, fileName: string, more: Record<string, unknown> = {}): Promise<string> {
    const { fileId } = await this.ask('b2_start_large_file', {
      bucketId,
      fileName,
      contentType: 'application/octet-stream',
      ...more,
    });
    return String(fileId);
  }

  get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    return send(method, `${this.#url}${path}`, { Authorization: this.token, ...headers });
  }
}

export function authorize(
  b2: B2Server,
  version: number,
  keyId = b2.keyId,
  key = b2.key,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const Authorization = `Basic ${Buffer.from(`${keyId}:${key}`).toString('base64')}`;
  return send('GET', `${b2.url}/b2api/v${version}/b2_authorize_account`, { Authorization, ...headers });
}

export function uploadFile(
  { uploadUrl, authorizationToken }: Pair,
  fileName: string,
  content: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(
    'POST',
    uploadUrl,
    {
      Authorization: authorizationToken,
      'X-Bz-File-Name': encodeURIComponent(fileName),
      'Content-Type': 'text/plain',
      'X-Bz-Content-Sha1': sha1Of(content),
      ...headers,
    },
    content,
  );
}

export function uploadPart(
  { uploadUrl, authorizationToken }: Pair,
  partNumber: number,
  content: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(
    'POST',
    uploadUrl,
    {
      Authorization: authorizationToken,
      'X-Bz-Part-Number': String(partNumber),
      'X-Bz-Content-Sha1': sha1Of(content),
      ...headers,
    },
    content,
  );
}

export function sha1Of(content: string | Buffer): string {
  return createHash('sha1').update(content).digest('hex');
}

/** One request on a connection of its own. */
export function send(
  method: string,
  url: string,
  headers: Record<string, string>,
  body: string | Buffer = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length =
      method === 'GET' || method === 'HEAD' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const request = httpRequest(
      url,
      { method, headers: { ...length, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: bytes,
            json: readJson(bytes),
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function readJson(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function pairOf(json: Readonly<Record<string, unknown>>): Pair {
  return { uploadUrl: String(json['uploadUrl']), authorizationToken: String(json['authorizationToken']) };
}
