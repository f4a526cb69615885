/** `npm run b2-server`: the B2 server alone, for anybody's client. `--help` lists the flags. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startB2Server, type B2Server, type B2ServerOptions, type DataOption } from './server.js';

const HELP = `Usage: npm run b2-server -- [flags]

Serves Backblaze B2's native API (v1 to v4) on loopback. Nothing of it reaches Backblaze.

  --port N                 default: one that is free
  --host ADDRESS           default: 127.0.0.1
  --data mem|disk:DIR|drop where uploaded bytes go; drop keeps only lengths and SHA-1 (default: mem)
  --bucket NAME            a bucket that exists from the start; repeatable
  --latency MS             of every answer; a connection's first takes it twice
  --rate-per-connection B  bytes per second, each connection
  --rate-total B           bytes per second, all connections together
  --fault RULE             repeatable, such as upload_part=503@10% or finish_large_file=lost@1:
                             OPERATION[,OPERATION][:FILE]=FAULT[@WHICH][xTIMES]
                           FAULT: STATUS[-early|-drain][:SECONDS or :CODE], reset-before, reset-body[:BYTES],
                             reset-after, stall-body[:BYTES], stall-answer[:MS], lost, wrong-sha1, full-vault, cap,
                             transaction-cap, download-cap, flip-bit[:BYTES], delay:MS
                           WHICH: 3 or 3,5 (of the matching requests), /4 (every fourth), 10% (by the seed)
  --seed N                 for faults by chance (default: 1)
  --min-part BYTES         least size of every part but the last (default: 5000000, as B2)
  --tls-key FILE, --tls-cert FILE   serve https with this certificate (PEM)
  --json                   print one line of JSON instead of examples: url, keyId, key

The control API (faults, log, state at run time) is described in test/support/b2-server/control.ts.
`;

const { values } = readArguments(() =>
  parseArgs({
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      data: { type: 'string', default: 'mem' },
      bucket: { type: 'string', multiple: true, default: [] },
      latency: { type: 'string' },
      'rate-per-connection': { type: 'string' },
      'rate-total': { type: 'string' },
      fault: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
      'min-part': { type: 'string' },
      'tls-key': { type: 'string' },
      'tls-cert': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }),
);

if (values.help) {
  process.stdout.write(HELP);
} else {
  await serve().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  });
}

/** One line, not a stack. */
function readArguments<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)} (see --help)\n`);
    process.exit(2);
  }
}

async function serve(): Promise<void> {
  const b2 = await startB2Server(readOptions());
  const stop = (): void => void b2.close().then(() => process.exit(0));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  process.stdout.write(
    values.json ? `${JSON.stringify({ url: b2.url, keyId: b2.keyId, key: b2.key })}\n` : examples(b2),
  );
}

function readOptions(): B2ServerOptions {
  const perConnection = count('rate-per-connection');
  const total = count('rate-total');
  const port = count('port');
  const latencyMs = count('latency');
  const seed = count('seed');
  const minPartBytes = count('min-part');
  const tlsKey = values['tls-key'];
  const tlsCert = values['tls-cert'];
  return {
    data: readData(values.data),
    keepPartBytes: false,
    buckets: values.bucket,
    faults: values.fault,
    bytesPerSecond: {
      ...(perConnection === undefined ? {} : { perConnection }),
      ...(total === undefined ? {} : { total }),
    },
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(port === undefined ? {} : { port }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(seed === undefined ? {} : { seed }),
    ...(minPartBytes === undefined ? {} : { minPartBytes }),
    ...(tlsKey === undefined || tlsCert === undefined
      ? {}
      : { tls: { key: readFileSync(tlsKey), cert: readFileSync(tlsCert) } }),
  };
}

function count(
  flag: 'port' | 'latency' | 'rate-per-connection' | 'rate-total' | 'seed' | 'min-part',
): number | undefined {
  const text = values[flag];
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`--${flag} must be a whole number, not ${text}`);
  return Number(text);
}

function readData(text: string): DataOption {
  if (text === 'mem' || text === 'memory') return 'memory';
  if (text === 'drop') return 'drop';
  if (text.startsWith('disk:')) return { directory: text.slice('disk:'.length) };
  throw new Error(`--data must be mem, drop or disk:DIR, not ${text}`);
}

function examples({ url, keyId, key }: B2Server): string {
  return `B2 server   ${url}
key id      ${keyId}
key         ${key}

rclone:
  rclone --b2-endpoint ${url} --b2-account ${keyId} --b2-key ${key} lsd :b2:

b2sdk (Python):
  from b2sdk.v2 import B2Api, InMemoryAccountInfo
  api = B2Api(InMemoryAccountInfo())
  api.authorize_account("${url}", "${keyId}", "${key}")

curl:
  curl -u ${keyId}:${key} ${url}/b2api/v4/b2_authorize_account

Ctrl-C stops it; what it holds in memory is gone then.
`;
}
