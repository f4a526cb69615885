/** The doors `backuppc-b2` and `backup-manager`, as processes, against the B2 server: what `archive` stores comes back. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bucketPattern } from '../../src/cli/open-context.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { NODE_ENVIRONMENT, programPath } from '../support/programs.js';
import { gpgEncrypt } from '../restore-script/archive.js';
import { scratch, type Scratch } from './sealed-archive.js';

const BUCKET = 'the-houses-backups';
const PASSPHRASE = 'open, sesame';

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the doors', () => {
  let b2: B2Server;
  let files: Scratch;
  let environment: NodeJS.ProcessEnv;

  const door = (name: string, ...words: string[]): Promise<Outcome> => {
    const child = spawn(programPath(name), words, {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => {
        resolve({ status, stdout, stderr });
      });
    });
  };
  const ok = async (...words: string[]): Promise<string> => {
    const outcome = await door('backuppc-b2', ...words);
    assert.equal(outcome.status, 0, outcome.stdout + outcome.stderr);
    return outcome.stdout;
  };

  before(async () => {
    files = scratch(12_000_000);
    b2 = await startB2Server({ buckets: [BUCKET] });
    const config = join(files.directory, 'config.toml');
    const passphrase = join(files.directory, 'passphrase');
    writeFileSync(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 });
    const gnupg = join(files.directory, 'gnupg');
    mkdirSync(gnupg, { mode: 0o700 });
    writeFileSync(
      config,
      [
        `endpoint = "${b2.url}"`,
        `bucket = "${BUCKET}"`,
        `passphrase_file = ["${passphrase}"]`,
        `state_dir = "${join(files.directory, 'state')}"`,
        's2k_bytes = 65536',
      ].join('\n'),
    );
    environment = {
      ...process.env,
      ...NODE_ENVIRONMENT,
      BACKUPPC_B2_CONFIG: config,
      B2_APPLICATION_KEY_ID: b2.keyId,
      B2_APPLICATION_KEY: b2.key,
      GNUPGHOME: gnupg,
      LC_ALL: 'C',
    };
    writeFileSync(join(files.directory, 'made.tar'), files.tar);
    for (const number of ['3', '30']) {
      await ok(
        'archive',
        '--host',
        'web.example',
        '--number',
        number,
        '--split-size',
        '7000000',
        '--',
        'cat',
        join(files.directory, 'made.tar'),
      );
    }
  });
  after(async () => {
    spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env: environment });
    assert.deepEqual(b2.defects, []);
    await b2.close();
    files.dispose();
  });

  test('list shows what archive stored, as finished', async () => {
    const listed = JSON.parse(await ok('list', '--json')) as {
      archives: { host: string; number: number; state: string; volumes: number }[];
    };
    assert.deepEqual(
      listed.archives.map(({ host, number, state, volumes }) => [host, number, state, volumes]),
      [
        ['web.example', 3, 'finished', 2],
        ['web.example', 30, 'finished', 2],
      ],
    );
  });

  test('verify, quick and deep', async () => {
    assert.match(await ok('verify'), /web\.example #3: ok\nweb\.example #30: ok\n/);
    assert.match(
      await ok('verify', '--deep', '--host', 'web.example', '--number', '3'),
      /#3: ok \(.* read, tar of 2 files/,
    );
  });

  test('restore -C and restore -', async () => {
    const directory = join(files.directory, 'restored');
    await ok('restore', '--host', 'web.example', '-C', directory);
    assert.equal(spawnSync('diff', ['-r', files.source, directory], { encoding: 'utf8' }).stdout, '');
    const file = join(files.directory, 'stdout.tar');
    const piped = spawn(
      'sh',
      ['-c', `"$1" restore --host web.example --number 3 - >"$2"`, 'sh', programPath('backuppc-b2'), file],
      { env: environment, stdio: 'ignore' },
    );
    assert.equal(await new Promise((resolve) => piped.on('close', resolve)), 0);
    assert.ok(readFileSync(file).equals(files.tar));
  });

  test('script: what it writes restores the archive of its number', async () => {
    const file = join(files.directory, 'restore.sh');
    await ok('script', '--host', 'web.example', '--number', '3', '--output', file);
    const passphrase = join(files.directory, 'passphrase');
    const run = spawn(
      'sh',
      [file, '--passphrase-file', passphrase, '-o', join(files.directory, 'script.tar')],
      { env: environment, stdio: 'ignore' },
    );
    assert.equal(await new Promise((resolve) => run.on('close', resolve)), 0);
    assert.ok(readFileSync(join(files.directory, 'script.tar')).equals(files.tar));
    assert.match(readFileSync(file, 'utf8'), /^# Restores the BackupPC archive web\.example #3,/m);
  });

  test('doctor finds everything in order but for what it cannot know, and leaves nothing behind', async () => {
    const before = b2.bucket(BUCKET).names();
    const outcome = await door('backuppc-b2', 'doctor', '--json');
    const { findings, failures } = JSON.parse(outcome.stdout) as {
      failures: number;
      findings: { check: string; level: string; detail: string }[];
    };
    assert.equal(failures, 0, outcome.stdout);
    assert.equal(outcome.status, 0);
    const rehearsal = findings.find(({ check }) => check === 'rehearsal');
    assert.equal(
      rehearsal?.detail,
      '1000000 bytes sealed, stored, fetched, and read by this program and gpg',
    );
    assert.ok(findings.some(({ check, level }) => check === 'clock' && level === 'ok'));
    assert.deepEqual(b2.bucket(BUCKET).names(), before);
  });

  test('an archive of the older Python scripts: listed, scripted by backup-manager, restored with gpg, deleted', async () => {
    const small = scratch(300_000);
    const { tar } = small;
    const middle = 150_000;
    for (const [suffix, from, to] of [
      ['aa', 0, middle],
      ['ab', middle, tar.length],
    ] as const) {
      const sealed = gpgEncrypt(environment, tar.subarray(from, to), PASSPHRASE, 'bzip2', files.directory);
      b2.bucket(BUCKET).put(`gandalf.120.tar.${suffix}.gpg`, sealed);
    }
    b2.bucket(BUCKET).put(
      'gandalf.120.tar.COMPLETE',
      Buffer.from('1 2 "Writing archive for host gandalf, backup #120"'),
    );
    assert.match((await door('backup-manager')).stdout, /^gandalf +120 +finished/m);
    assert.match(await ok('list'), /\nNot ours: [^]*^gandalf +120 +3 /m);

    const script = await door('backup-manager', '--expire=604800', '--host=gandalf', 'script');
    assert.equal(script.status, 0, script.stderr);
    const file = join(files.directory, 'gandalf.sh');
    writeFileSync(file, script.stdout);
    const run = spawn(
      'sh',
      [
        file,
        '--passphrase-file',
        join(files.directory, 'passphrase'),
        '-o',
        join(files.directory, 'gandalf.tar'),
      ],
      { env: environment, stdio: 'ignore' },
    );
    assert.equal(await new Promise((resolve) => run.on('close', resolve)), 0);
    assert.ok(readFileSync(join(files.directory, 'gandalf.tar')).equals(tar));

    const native = join(files.directory, 'gandalf native.tar');
    await ok('restore', '--legacy', '--host', 'gandalf', '-o', native);
    assert.ok(readFileSync(native).equals(tar));
    assert.match(await ok('verify', '--legacy', '--host', 'gandalf', '--deep'), /gandalf #120: ok/);

    assert.equal((await door('backup-manager', 'delete', '-H', 'gandalf', '-b', '120')).status, 0);
    assert.deepEqual(
      b2
        .bucket(BUCKET)
        .names()
        .filter((name) => name.startsWith('gandalf')),
      [],
    );
    small.dispose();
  });

  test('delete and cleanup through the door', async () => {
    await ok('delete', '--host', 'web.example', '--number', '30', '--yes');
    const names = b2.bucket(BUCKET).names();
    assert.ok(names.length > 0);
    assert.ok(names.every((name) => name.startsWith('web.example.3.tar')));
    assert.match(await ok('cleanup'), /Nothing to clean up/);
  });

  test('output that nobody reads: list ends quietly, delete finishes its work', async () => {
    for (const name of ['aa.gpg', 'COMPLETE'])
      b2.bucket(BUCKET).put(`unread.1.tar.${name}`, Buffer.from('x'));
    const unread = (words: string): Promise<string> =>
      new Promise((resolve) => {
        const line = `exec 3>&1; { '${programPath('backuppc-b2')}' ${words} 2>&3; echo "status $?" >&3; } | true`;
        const child = spawn('bash', ['-c', line], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
        let said = '';
        child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
        child.once('close', () => {
          resolve(said);
        });
      });
    assert.equal(await unread('list --json'), 'status 0\n');
    assert.equal(await unread('verify'), 'status 12\n');
    assert.equal(await unread('delete --legacy --yes --host unread --number 1'), 'status 0\n');
    assert.deepEqual(
      b2
        .bucket(BUCKET)
        .names()
        .filter((name) => name.startsWith('unread')),
      [],
    );
  });

  test('failures end with the reason as the last line, and their status', async () => {
    const missing = await door('backuppc-b2', 'restore', '--host', 'nobody', '-');
    assert.equal(missing.status, 13);
    assert.equal(missing.stderr.trim().split('\n').at(-1), 'backuppc-b2: no archive of nobody in B2');
    const refused = await door('backuppc-b2', 'list', '--bucket', 'some-other-bucket');
    assert.equal(refused.status, 6);
    environment = { ...environment, B2_APPLICATION_KEY: 'wrong' };
    const wrong = await door('backuppc-b2', 'list');
    environment = { ...environment, B2_APPLICATION_KEY: b2.key };
    assert.equal(wrong.status, 6, wrong.stderr);
    assert.ok(!`${wrong.stdout}${wrong.stderr}`.includes('wrong'));
  });

  test('a bucket per host: every host is listed, one host asks for its own bucket', async () => {
    for (const host of ['alpha', 'beta-one']) {
      const bucket = `0123456789ab-bckpc-${host}`;
      b2.createBucket(bucket).put(`${host.replace('-', '.')}.1.tar.aa.gpg`, Buffer.from('x'));
      b2.bucket(bucket).put(`${host.replace('-', '.')}.1.tar.COMPLETE`, Buffer.from('x'));
    }
    const listed = await ok('list', '--legacy', '--bucket', '{accountId}-bckpc-{host}');
    assert.match(listed, /^alpha +1 +finished/m);
    assert.match(listed, /^beta\.one +1 +finished/m);
    assert.match(
      await ok('list', '--legacy', '--bucket', '{accountId}-bckpc-{host}', '--host', 'beta.one'),
      /^beta\.one +1 +finished/m,
    );
  });
});

test('bucket names of a template: of any host, of one, and cut at 50 characters as the older scripts did', () => {
  const template = '{accountId}-bckpc-{host}';
  assert.ok(bucketPattern(template, '0a1b').test('0A1B-bckpc-web-example'));
  assert.ok(!bucketPattern(template, '0a1b').test('other-bckpc-web'));
  assert.ok(bucketPattern(template, '0a1b', 'web.example').test('0a1b-bckpc-web-example'));
  assert.ok(!bucketPattern(template, '0a1b', 'web').test('0a1b-bckpc-web-example'));
  const long = 'a-host-with-a-very-long-name.somewhere.example.org';
  assert.ok(
    bucketPattern(template, '0a1b', long).test(`0a1b-bckpc-${long.replaceAll('.', '-')}`.slice(0, 50)),
  );
  assert.ok(!bucketPattern('plain', '0a1b').test('xplain'));
});
