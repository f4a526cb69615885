/** The B2 server of the tests as a process of its own, for programs to upload to. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BENCH_BUCKET = 'bench-bucket';

export interface BenchServer {
  readonly url: string;
  readonly keyId: string;
  readonly key: string;
  /** Over TLS: the certificate of the authority that clients must trust, a file. */
  readonly authority: string | undefined;
  stop(): void;
}

/** Keeps nothing but lengths and SHA-1. @param flags more of its own, see `npm run b2-server -- --help` */
export async function startBenchServer(
  options: { readonly tls?: boolean; readonly flags?: readonly string[] } = {},
): Promise<BenchServer> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-server-'));
  const certificate = options.tls === true ? makeCertificate(directory) : undefined;
  const tls =
    certificate === undefined ? [] : ['--tls-key', certificate.key, '--tls-cert', certificate.certificate];
  const words = ['--data', 'drop', '--bucket', BENCH_BUCKET, '--json', ...tls, ...(options.flags ?? [])];
  const child = spawn(process.execPath, ['dist/test/support/b2-server/main.js', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = (): void => {
    child.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (bytes: Buffer) => {
      resolve(bytes.toString());
    });
    child.once('exit', () => {
      reject(new Error('the B2 server did not start'));
    });
  });
  const { url, keyId, key } = JSON.parse(line) as Pick<BenchServer, 'url' | 'keyId' | 'key'>;
  // The certificate is for the name; names cost no lookup here.
  const named = certificate === undefined ? url : url.replace('127.0.0.1', 'localhost');
  return { url: named, keyId, key, authority: certificate?.authority, stop };
}

/** An authority of our own, and a certificate for localhost by it. */
function makeCertificate(directory: string): { key: string; certificate: string; authority: string } {
  const path = (name: string): string => join(directory, name);
  const openssl = (...words: string[]): void => {
    execFileSync('openssl', words, { cwd: directory, stdio: ['ignore', 'ignore', 'ignore'] });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  writeFileSync(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=bench');
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signed);
  return { key: path('server.key'), certificate: path('server.pem'), authority: path('ca.pem') };
}
