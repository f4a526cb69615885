import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { send } from './client.js';
import { startB2Server } from '../support/b2-server/server.js';

const MAIN = fileURLToPath(new URL('../support/b2-server/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'b2-main-'));
after(() => {
  rmSync(directory, { recursive: true });
});

/** Starts the program and reads its first output. */
async function run(args: readonly string[]): Promise<{ child: ChildProcess; text: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, text: first.toString() };
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
}

test('as a process: JSON says where it is, the control API steers it, SIGTERM ends it', async () => {
  const { child, text } = await run([
    '--json',
    '--bucket',
    'test-bucket',
    '--fault',
    'list_buckets=503@1',
    '--latency',
    '1',
  ]);
  const { url, keyId, key } = JSON.parse(text) as { url: string; keyId: string; key: string };
  const control = async (method: string, what: string, body = ''): Promise<unknown> => {
    const answer = await send(method, `${url}/control/${what}`, {}, body);
    assert.equal(answer.status, 200, answer.body.toString());
    return JSON.parse(answer.body.toString());
  };
  const Authorization = `Basic ${Buffer.from(`${keyId}:${key}`).toString('base64')}`;
  const { json } = await send('GET', `${url}/b2api/v2/b2_authorize_account`, { Authorization });
  const list = async (): Promise<number> =>
    (
      await send(
        'POST',
        `${url}/b2api/v2/b2_list_buckets`,
        { Authorization: String(json['authorizationToken']) },
        JSON.stringify({ accountId: json['accountId'] }),
      )
    ).status;
  assert.equal(await list(), 503);
  assert.equal(await list(), 200);
  await control(
    'POST',
    'faults',
    JSON.stringify({
      rules: ['list_buckets=500', { on: 'list_keys', nth: 1, fault: { kind: 'lost-answer' } }],
    }),
  );
  assert.equal(await list(), 500);
  const faults = (await control('GET', 'faults')) as { name: string; fired: number }[];
  assert.deepEqual(
    faults.map(({ fired }) => fired),
    [1, 1, 0],
  );
  await control('DELETE', 'faults');
  await control('POST', 'expire-tokens');
  assert.equal(await list(), 401);
  const requests = (await control('GET', 'requests')) as { operation: string; status: number }[];
  assert.deepEqual(
    requests.slice(1).map(({ status }) => status),
    [503, 200, 500, 401],
  );
  await control('POST', 'buckets', JSON.stringify({ bucketName: 'second-bucket' }));
  const { buckets } = (await control('GET', 'state')) as { buckets: { bucketName: string }[] };
  assert.deepEqual(
    buckets.map(({ bucketName }) => bucketName),
    ['test-bucket', 'second-bucket'],
  );
  assert.equal((await send('GET', `${url}/control/nonsense`, {})).status, 400);
  await control('POST', 'clear-log');
  assert.deepEqual(await control('GET', 'requests'), []);
  await stop(child);
});

test('without --json it says how rclone and b2sdk reach it', async () => {
  const { child, text } = await run([]);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
  assert.ok(url !== undefined);
  assert.match(text, new RegExp(`--b2-endpoint ${url}`));
  assert.match(text, /authorize_account\("http/);
  await stop(child);
});

test('wrong flags are refused in a line', () => {
  for (const args of [['--latency', 'soon'], ['--data', 'tape'], ['--fault', 'nonsense'], ['--unknown']]) {
    assert.throws(
      () => execFileSync(process.execPath, [MAIN, ...args], { stdio: 'pipe' }),
      /--|not a fault rule|Unknown option/,
    );
  }
});

test('with a certificate it speaks https', async () => {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=127.0.0.1',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'pipe' },
  );
  const b2 = await startB2Server({
    tls: { key: readFileSync(key), cert: readFileSync(cert) },
    faults: ['authorize_account=reset-before@2'],
  });
  const authorize = async (): Promise<unknown> => {
    const request = httpsRequest(`${b2.url}/b2api/v4/b2_authorize_account`, {
      auth: `${b2.keyId}:${b2.key}`,
      agent: new Agent({ ca: readFileSync(cert) }),
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const body = ((await response.setEncoding('utf8').toArray()) as string[]).join('');
    return JSON.parse(body);
  };
  const { apiInfo } = (await authorize()) as { apiInfo: { storageApi: { apiUrl: string } } };
  assert.equal(apiInfo.storageApi.apiUrl, b2.url);
  assert.match(b2.url, /^https:/);
  await assert.rejects(authorize());
  await b2.close();
});

test('it ends with the reason if a bucket cannot be created', () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, '--bucket', 'other'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 2);
  assert.equal(stderr, 'Invalid bucket name: other\n');
});
