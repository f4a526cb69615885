/**
 * The far side of the link: our B2 server over TLS, and a plain HTTP server for the competition: PUT takes all, GET sends without end.
 * Arguments: address, certificate, key. Prints one line of JSON, then `MS BYTES` every 100 ms: what the competition has brought.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startB2Server } from '../support/b2-server/server.js';

const [host = '', certFile = '', keyFile = ''] = process.argv.slice(2);
const b2 = await startB2Server({
  host,
  data: 'drop',
  buckets: ['bucket'],
  tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) },
});

let bytes = 0;
const rival = createServer((request, response) => {
  request.on('error', () => undefined);
  if (request.method === 'PUT') {
    request.on('end', () => response.end());
    request.on('data', (data: Buffer) => (bytes += data.length));
  } else {
    const block = Buffer.alloc(64 * 1024);
    const send = (): void => {
      while (!response.destroyed && response.write(block));
    };
    response.on('drain', send).on('error', () => undefined);
    send();
  }
});
rival.listen(0, host, () => {
  const { port } = rival.address() as AddressInfo;
  process.stdout.write(
    `${JSON.stringify({ url: b2.url, keyId: b2.keyId, key: b2.key, rival: `http://${host}:${port}` })}\n`,
  );
  setInterval(() => {
    process.stdout.write(`${(Number(process.hrtime.bigint()) / 1e6).toFixed(3)} ${bytes}\n`);
  }, 100);
});
