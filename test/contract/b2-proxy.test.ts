/** HTTPS, straight and through a proxy of the environment, with a certificate authority of one's own: as a process, since Node reads these at its start. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';

/** Only the proxy knows where this is. */
const HOST = 'b2.test.invalid';
const BUCKET = 'behind-a-proxy';

describe('B2 over TLS through a proxy', () => {
  const directory = mkdtempSync(join(tmpdir(), 'b2-proxy-'));
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const tunnels: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer();
  let server: B2Server;

  before(async () => {
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${HOST}`];
    const made = spawnSync('openssl', [
      ...request,
      ...['-addext', `subjectAltName=DNS:${HOST},IP:127.0.0.1`, '-keyout', keyFile, '-out', certFile],
    ]);
    assert.equal(made.status, 0, String(made.stderr));
    server = await startB2Server({
      buckets: [BUCKET],
      minPartBytes: 1000,
      tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) },
    });
    proxy.on('connect', (incoming, socket: Socket) => {
      tunnels.push(incoming.url ?? '');
      const onward = connect(server.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      for (const one of [socket, onward]) {
        sockets.add(one);
        one.on('error', () => one.destroy());
      }
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  after(async () => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
    await server.close();
    rmSync(directory, { recursive: true });
  });

  /** Uploads a volume, and downloads it, in a process with this environment. */
  async function upload(
    environment: Record<string, string>,
    host = HOST,
  ): Promise<{ kind?: string; hint?: string; done?: boolean }> {
    const program = join(directory, 'upload.mjs');
    const open = new URL('../../src/b2/open.js', import.meta.url).href;
    writeFileSync(
      program,
      `import { createHash } from 'node:crypto';
       import { openB2 } from ${JSON.stringify(open)};
       const body = { bytes: Buffer.alloc(300000, 7), sha1: createHash('sha1').update(Buffer.alloc(300000, 7)).digest('hex') };
       try {
         const store = await openB2({ endpoint: process.argv[2], keyId: process.argv[3], key: process.argv[4], bucket: ${JSON.stringify(BUCKET)}, loginPatience: { unreachableMs: 1, busyMs: 1 } });
         const fileId = await store.startLarge({ fileName: 'v', contentType: 'a/b', fileInfo: {} });
         await Promise.all([1, 2, 3].map((part) => store.uploadPart(fileId, part, body)));
         const range = { from: 0, to: (await store.finishLarge(fileId, [body.sha1, body.sha1, body.sha1])).contentLength };
         const into = new Uint8Array(range.to);
         for await (const chunk of store.download(fileId, range, undefined, { into })) chunk.length;
         if (into.some((byte) => byte !== 7)) throw new Error('other bytes came back');
         await store.close();
         console.log(JSON.stringify({ done: true }));
       } catch (thrown) {
         console.log(JSON.stringify({ kind: thrown.kind ?? String(thrown), hint: thrown.hint }));
       }`,
    );
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [program, `https://${host}:${server.port}`, server.keyId, server.key],
      { env: { PATH: '/usr/bin:/bin', ...environment } },
    );
    return JSON.parse(stdout) as { kind?: string; hint?: string; done?: boolean };
  }

  const proxyUrl = () => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

  it('goes through HTTPS_PROXY and trusts NODE_EXTRA_CA_CERTS', async () => {
    assert.deepEqual(await upload({ HTTPS_PROXY: proxyUrl(), NODE_EXTRA_CA_CERTS: certFile }), {
      done: true,
    });
    assert.ok(tunnels.length > 0 && tunnels.every((target) => target === `${HOST}:${server.port}`));
    assert.equal(server.bucket(BUCKET).file('v')?.contentLength, 900_000);
  });

  it('takes a proxy without a scheme for http, as curl does', async () => {
    const https_proxy = proxyUrl().replace('http://', '');
    assert.deepEqual(await upload({ https_proxy, NODE_EXTRA_CA_CERTS: certFile }), { done: true });
    const socks = await upload({ https_proxy: 'socks5://127.0.0.1:1' });
    assert.equal(socks.kind, 'config');
  });

  it('a certificate that is not trusted is final, and the hint names what helps', async () => {
    const seen = await upload({ https_proxy: proxyUrl() });
    assert.equal(seen.kind, 'unavailable');
    assert.match(seen.hint ?? '', /NODE_EXTRA_CA_CERTS/);
  });

  it('goes there at once without a proxy', async () => {
    tunnels.length = 0;
    assert.deepEqual(await upload({ NODE_EXTRA_CA_CERTS: certFile }, '127.0.0.1'), { done: true });
    assert.deepEqual(tunnels, []);
  });

  it('NO_PROXY goes past it', async () => {
    tunnels.length = 0;
    const seen = await upload({
      HTTPS_PROXY: proxyUrl(),
      NO_PROXY: '.test.invalid',
      NODE_EXTRA_CA_CERTS: certFile,
    });
    assert.equal(seen.kind, 'unavailable');
    assert.deepEqual(tunnels, []);
  });
});
