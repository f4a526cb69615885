/**
 * The whole road without an account: a B2 server on loopback, a real directory tree, the real door that BackupPC calls, a second archive that
 * sends only what changed, one file back, and a restore with nothing but sh, curl and gpg.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { formatBytes } from '../../src/config/values.js';

const BUCKET = 'backuppc-demo';
const HOST = 'web.example';
const PASSPHRASE = 'demo passphrase';
/** Of node_modules: some 60 MB of text. */
const PACKAGES = ['typescript', 'openpgp', 'prettier', 'eslint'];
const SHOWN_VOLUMES = 4;

const root = fileURLToPath(new URL('../../../', import.meta.url));
const bin = (program: string): string => join(root, 'dist/bin', program);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const missing = ['gpg', 'curl', 'tar', 'gzip', 'sha1sum', 'diff'].filter(
  (program) => spawnSync('which', [program]).status !== 0,
);
if (missing.length > 0) {
  say(
    `The demo needs ${missing.join(', ')}, which this machine lacks. On Debian: apt-get install gnupg curl tar gzip coreutils diffutils`,
  );
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'backuppc-b2-demo-'));
const server = spawn(
  process.execPath,
  [join(root, 'dist/test/support/b2-server/main.js'), '--bucket', BUCKET, '--json'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  await demo();
} finally {
  server.kill();
  rmSync(directory, { recursive: true, force: true });
}

interface Finished {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly output: string;
}

async function demo(): Promise<void> {
  const { url, keyId, key } = await addressOf();
  const passphraseFile = join(directory, 'passphrase');
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
  const config = join(directory, 'backuppc-b2.toml');
  writeFileSync(
    config,
    `# What /etc/backuppc/backuppc-b2.toml looks like\nendpoint = "${url}"\nbucket = "${BUCKET}"\nkey_id = "${keyId}"\napplication_key = "${key}"\npassphrase_file = "${passphraseFile}"\nreuse = true\n# Large ones for so little: gpg takes a moment for each\nreuse_volume = "1M"\n`,
    { mode: 0o600 },
  );
  // BackupPC gives its children just this.
  const environment = {
    PATH: '/bin:/usr/bin',
    HOME: directory,
    BACKUPPC_B2_NODE: process.execPath,
    BACKUPPC_B2_CONFIG: config,
  };

  const tree = join(directory, 'tree');
  for (const name of PACKAGES)
    cpSync(join(root, 'node_modules', name), join(tree, name), { recursive: true, verbatimSymlinks: true });
  const tarCreate = join(directory, 'tarCreate');
  const sum = "awk '{ bytes += $1 } END { print bytes }'";
  writeFileSync(
    tarCreate,
    `#!/bin/sh\n# Stands in for BackupPC_tarCreate: GNU tar, and the line that BackupPC's prints at its end.\ntar -C '${tree}' --sort=name -cf - . && echo "Done: $(find '${tree}' -type f | wc -l) files, $(find '${tree}' -type f -printf '%s\\n' | ${sum}) bytes, $(find '${tree}' -type d | wc -l) dirs, $(find '${tree}' -type l | wc -l) specials, 0 errors" >&2\n`,
  );
  chmodSync(tarCreate, 0o755);
  const state = join(directory, 'state');
  mkdirSync(state);

  const archive = (number: number): Promise<Finished> =>
    finish(
      bin('BackupPC_archiveHost_b2'),
      [tarCreate, '/usr/bin/split', '', HOST, String(number), '/bin/gzip', '.gz', '0', state, '0', '*'],
      environment,
    );

  say('\n1. Archive a tree, a copy of some of node_modules, as BackupPC would: gzip, with reuse\n');
  const first = await archive(42);
  const [tarBytes, storedBytes] = sizesOf(
    JSON.parse(await manifest(url, keyId, key)) as { tar: { bytes: number }; volumes: { bytes: number }[] },
  );
  say(
    `\n   ${formatBytes(tarBytes)} of tar became ${formatBytes(storedBytes)} in B2 in ${first.seconds.toFixed(1)} s: ${(tarBytes / 1e6 / first.seconds).toFixed(0)} MB/s, peak memory ${formatBytes(first.peakBytes)}`,
  );

  say('\n2. A file changes, another is new: the next archive sends only what changed, B2 copies the rest\n');
  const changed = join('typescript', 'README.md');
  appendFileSync(join(tree, changed), 'One line more.\n');
  writeFileSync(join(tree, 'new.txt'), 'A new file.\n');
  await archive(43);

  say('\n3. What is in the bucket, each archive whole by itself: backuppc-b2 list\n');
  await finish(bin('backuppc-b2'), ['list'], environment);

  say(`\n4. One file back, for the price of one file: backuppc-b2 restore --host ${HOST} ${changed}\n`);
  const one = join(directory, 'one');
  await finish(bin('backuppc-b2'), ['restore', '--host', HOST, '-C', one, changed], environment);
  if (!readFileSync(join(one, changed)).equals(readFileSync(join(tree, changed))))
    throw new Error(`${changed} came back changed`);

  say('\n5. A restore script for the worst day of the year: backuppc-b2 script\n');
  const script = join(directory, 'restore.sh');
  await finish(bin('backuppc-b2'), ['script', '--host', HOST, '--output', script], environment);
  say(
    `   ${String(readFileSync(script, 'utf8').split('\n').length)} lines of sh; its token opens ${HOST} #43 and nothing else`,
  );

  say('\n6. Restore with sh, curl and gpg into a new folder\n');
  const target = join(directory, 'restored');
  const restore = await finish('/bin/sh', [script, '--passphrase-file', passphraseFile, '-C', target], {
    PATH: '/bin:/usr/bin',
    HOME: directory,
  });
  say(`\n   restored in ${restore.seconds.toFixed(1)} s`);

  const compared = spawnSync('diff', ['-r', '--no-dereference', tree, target], { encoding: 'utf8' });
  if (compared.status !== 0) throw new Error(`the restored tree differs:\n${compared.stdout.slice(0, 2000)}`);
  say('\n7. Compared with diff -r: the trees are identical\n');
}

function sizesOf({
  tar,
  volumes,
}: {
  tar: { bytes: number };
  volumes: { bytes: number }[];
}): [number, number] {
  return [tar.bytes, volumes.reduce((sum, volume) => sum + volume.bytes, 0)];
}

/** COMPLETE, without any of our own code: any HTTP client can read it. */
async function manifest(url: string, keyId: string, key: string): Promise<string> {
  const login = (await (
    await fetch(`${url}/b2api/v2/b2_authorize_account`, {
      headers: { authorization: `Basic ${Buffer.from(`${keyId}:${key}`).toString('base64')}` },
    })
  ).json()) as { authorizationToken: string };
  const complete = await fetch(`${url}/file/${BUCKET}/${HOST}.42.tar.COMPLETE`, {
    headers: { authorization: login.authorizationToken },
  });
  return gunzipSync(await complete.arrayBuffer()).toString();
}

function addressOf(): Promise<{ url: string; keyId: string; key: string }> {
  return new Promise((resolve, reject) => {
    server.stdout.once('data', (line: Buffer) => {
      resolve(JSON.parse(line.toString()) as { url: string; keyId: string; key: string });
    });
    server.once('exit', () => {
      reject(new Error('the B2 server ended'));
    });
  });
}

/** Runs a program with its output shown; its peak memory is read from /proc while it runs (threads included, children not). */
async function finish(
  program: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Finished> {
  const began = performance.now();
  const child = spawn(program, words, { env: environment, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const show = (bytes: Buffer): void => {
    output += bytes.toString();
    // Of many volumes a few are enough to see.
    const lines = bytes
      .toString()
      .replace(/^volume (\d+) of .*\n/gm, (line, nth: string) =>
        Number(nth) < SHOWN_VOLUMES ? line : Number(nth) === SHOWN_VOLUMES ? '…\n' : '',
      );
    process.stdout.write(lines.replace(/^(?=.)/gm, '   '));
  };
  child.stdout.on('data', show);
  child.stderr.on('data', show);
  let peakBytes = 0;
  const status = `/proc/${child.pid ?? 0}/status`;
  const watch = setInterval(() => {
    if (existsSync(status))
      peakBytes = Math.max(
        peakBytes,
        1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1] ?? 0),
      );
  }, 20);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${program} ended with status ${code ?? 'unknown'}`);
  return { seconds: (performance.now() - began) / 1000, peakBytes, output };
}
