/**
 * Getting an archive back, beside what else there is; and listing a large bucket.
 *
 *     npm run bench -- restore                 1 GiB, the median of three runs each
 *     npm run bench -- restore --mib 256 --rounds 3 --save
 *     npm run bench -- restore --quick
 *     npm run bench -- restore --archives 10000 --list
 *
 * Server and clients are processes of their own on this machine. Figures mean something beside each other, in one run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { INFO, INFO_FORMAT, manifestName, volumeName } from '../../src/catalog/names.js';
import { startB2Server } from '../../test/support/b2-server/server.js';
import { median, publish, spread, type Table } from '../report.js';

const MIB = 1024 * 1024;
const BUCKET = 'bench-of-restores';
const PASSPHRASE = 'bench';
const MANAGER = fileURLToPath(new URL('../../src/manager.js', import.meta.url));
const SERVER = fileURLToPath(new URL('../../test/support/b2-server/main.js', import.meta.url));

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      mib: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      archives: { type: 'string' },
      list: { type: 'boolean' },
    },
  });
  const { quick } = values;
  const tables: Table[] = [];
  if (values.list !== true) {
    const mib = Number(values.mib ?? (quick ? 128 : 1024));
    const runs = Number(values.rounds ?? (quick ? 1 : 3));
    tables.push(await restores(mib, runs, 'no limit, no latency', []));
    const far = await restores(mib / 4, 1, '25 MB/s per connection, 20 ms', [
      '--rate-per-connection',
      '25000000',
      '--latency',
      '20',
    ]);
    tables.push(far);
  }
  tables.push(await listing(Number(values.archives ?? (quick ? 1000 : 10_000))));
  publish(
    { topic: 'restore', command: `npm run bench -- restore ${args.join(' ')}`.trim(), tables },
    values.save,
  );
}

interface Measured {
  readonly seconds: number;
  readonly peakMib: number;
  readonly sha256: string;
}

/** Runs a shell command with its output hashed; peak memory is that of the process itself (Linux). */
async function measure(command: string, environment: NodeJS.ProcessEnv): Promise<Measured> {
  const began = performance.now();
  const child = spawn('sh', ['-c', command], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const hash = createHash('sha256');
  let peakKib = 0;
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
      peakKib = Math.max(peakKib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has just ended.
    }
  }, 20);
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) hash.update(chunk);
  const status =
    child.exitCode ?? (await new Promise<number | null>((resolve) => child.on('close', resolve)));
  clearInterval(watch);
  if (status !== 0) throw new Error(`status ${status ?? 'signal'}: ${command}`);
  return {
    seconds: (performance.now() - began) / 1000,
    peakMib: Math.round(peakKib / 1024),
    sha256: hash.digest('hex'),
  };
}

/** @param line how the server's line is, for the title; and the server's flags that make it so */
async function restores(mib: number, runs: number, line: string, flags: readonly string[]): Promise<Table> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-restore-'));
  const server = spawn(process.execPath, [SERVER, '--json', '--bucket', BUCKET, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const first = await new Promise<string>((resolve, reject) => {
      server.stdout.once('data', (chunk: Buffer) => {
        resolve(chunk.toString());
      });
      server.once('close', () => {
        reject(new Error('the server did not start'));
      });
    });
    const { url, keyId, key } = JSON.parse(first) as { url: string; keyId: string; key: string };
    const gnupg = join(directory, 'gnupg');
    mkdirSync(gnupg, { mode: 0o700 });
    const passphrase = join(directory, 'passphrase');
    writeFileSync(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 });
    const config = join(directory, 'config.toml');
    writeFileSync(
      config,
      `endpoint = "${url}"\nbucket = "${BUCKET}"\npassphrase_file = ["${passphrase}"]\nstate_dir = "${directory}/state"\n`,
    );
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      LC_ALL: 'C',
      GNUPGHOME: gnupg,
      BACKUPPC_B2_CONFIG: config,
      B2_APPLICATION_KEY_ID: keyId,
      B2_APPLICATION_KEY: key,
      RCLONE_CONFIG: '/dev/null',
      RCLONE_CONFIG_B_TYPE: 'b2',
      RCLONE_CONFIG_B_ACCOUNT: keyId,
      RCLONE_CONFIG_B_KEY: key,
      RCLONE_CONFIG_B_ENDPOINT: url,
    };
    const manager = `'${process.execPath}' '${MANAGER}'`;
    // Data that does not compress, so that decryption and transfer are what is compared.
    const source = `openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c ${mib * MIB}`;
    const archive = `${manager} archive --quiet --host bench --number 1 --compress none --split-size ${256 * MIB} -- sh -c '${source}'`;
    await measure(archive, environment);
    await measure(`${manager} script --host bench --output '${directory}/restore.sh'`, environment);
    const { volumes, base, token } = await storedVolumes(url, keyId, key);
    const gpg = `gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase-file '${passphrase}' --decrypt`;
    const each = (fetch: (name: string) => string): string =>
      volumes.map((name) => `${fetch(name)} | ${gpg}`).join(' && ');

    const rows: [string, string][] = [
      ['backuppc-b2 restore -', `exec ${manager} restore --quiet --host bench -`],
      ['restore script -o -', `exec sh '${directory}/restore.sh' -q --passphrase-file '${passphrase}' -o -`],
      [
        'curl | gpg -d',
        each((name) => `curl -sf -H 'Authorization: ${token}' '${base}${encodeURIComponent(name)}'`),
      ],
    ];
    if (spawnSync('rclone', ['version']).status === 0)
      rows.push(['rclone cat | gpg -d', each((name) => `rclone cat 'B:${BUCKET}/${name}'`)]);
    const table: Record<string, string | number>[] = [];
    const sums = new Set<string>();
    for (const [name, command] of rows) {
      const measured: Measured[] = [];
      // Once to look at what comes out; the timed runs write to nowhere, so that hashing does not take part in the race.
      sums.add((await measure(command, environment)).sha256);
      for (let i = 0; i < runs; i++) measured.push(await measure(`exec >/dev/null; ${command}`, environment));
      const walls = measured.map((one) => one.seconds);
      const peakMib = Math.max(...measured.map((one) => one.peakMib));
      table.push({
        name,
        seconds: spread(walls, 2),
        'MB/s': Math.round((mib * MIB) / median(walls) / 1e6),
        'peak MiB': name.includes('|') ? '-' : peakMib,
      });
    }
    const rate = (row: Record<string, unknown> | undefined): number => Number(row?.['MB/s'] ?? 0);
    const best = Math.max(...table.filter(({ name }) => String(name).includes('gpg')).map(rate));
    for (const row of table) row['× best of the peers'] = (rate(row) / best).toFixed(2);
    if (sums.size !== 1) throw new Error('the outputs differ');
    spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env: environment });
    return { title: `${mib} MiB in ${volumes.length} volume(s), tar to nowhere; ${line}`, rows: table };
  } finally {
    server.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What the peers need to be told: the names of the archive's volumes in order, where they are, and a token. */
async function storedVolumes(
  url: string,
  keyId: string,
  key: string,
): Promise<{ volumes: string[]; base: string; token: string }> {
  const ask = async (address: string, init: RequestInit): Promise<unknown> => {
    const response = await fetch(address, init);
    if (!response.ok) throw new Error(`${address}: ${response.status}`);
    return response.json();
  };
  const account = v.parse(
    v.object({
      authorizationToken: v.string(),
      apiUrl: v.string(),
      downloadUrl: v.string(),
      accountId: v.string(),
    }),
    await ask(`${url}/b2api/v2/b2_authorize_account`, {
      headers: { authorization: `Basic ${btoa(`${keyId}:${key}`)}` },
    }),
  );
  const call = (name: string, body: unknown): Promise<unknown> =>
    ask(`${account.apiUrl}/b2api/v2/${name}`, {
      method: 'POST',
      headers: { authorization: account.authorizationToken },
      body: JSON.stringify(body),
    });
  const { buckets } = v.parse(
    v.object({ buckets: v.array(v.object({ bucketId: v.string() })) }),
    await call('b2_list_buckets', { accountId: account.accountId, bucketName: BUCKET }),
  );
  const { files } = v.parse(
    v.object({ files: v.array(v.object({ fileName: v.string() })) }),
    await call('b2_list_file_names', { bucketId: buckets[0]?.bucketId, maxFileCount: 1000 }),
  );
  const volumes = files.map(({ fileName }) => fileName).filter((name) => /\.tar\.[a-z]{2,}\.gpg$/.test(name));
  return { volumes, base: `${account.downloadUrl}/file/${BUCKET}/`, token: account.authorizationToken };
}

/** `list` of so many archives of 20 volumes each. */
async function listing(archives: number): Promise<Table> {
  const b2 = await startB2Server({ buckets: [BUCKET] });
  try {
    const bucket = b2.bucket(BUCKET);
    const content = Buffer.from('x');
    for (let n = 0; n < archives; n++) {
      const name = {
        prefix: '',
        host: `host${n % 50}.example`,
        number: Math.floor(n / 50),
        extension: '.zst',
      };
      const info = {
        [INFO.format]: INFO_FORMAT,
        [INFO.host]: name.host,
        [INFO.number]: String(name.number),
        [INFO.run]: `run${n}`,
        [INFO.codec]: 'zstd',
        [INFO.profile]: 'librepgp',
      };
      for (let v = 0; v < 20; v++)
        bucket.put(volumeName(name, v, true), content, { fileInfo: { ...info, [INFO.volume]: String(v) } });
      bucket.put(manifestName(name), content, {
        fileInfo: { ...info, [INFO.state]: 'finished', [INFO.volumes]: '20', [INFO.bytes]: '20' },
      });
    }
    const environment = {
      ...process.env,
      BACKUPPC_B2_CONFIG: '/dev/null',
      B2_APPLICATION_KEY_ID: b2.keyId,
      B2_APPLICATION_KEY: b2.key,
      B2_ENDPOINT: b2.url,
      B2_BUCKET: BUCKET,
    };
    b2.clearLog();
    const { seconds, peakMib } = await measure(
      `exec '${process.execPath}' '${MANAGER}' list --json`,
      environment,
    );
    return {
      title: `list of ${archives} archives, ${archives * 21} file versions`,
      rows: [{ seconds: seconds.toFixed(1), 'peak MiB': peakMib, 'B2 calls': b2.requests.length }],
    };
  } finally {
    await b2.close();
  }
}
