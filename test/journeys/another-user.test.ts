/** Restoring as somebody who may not do everything: without root's rights, without a home. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { skipWithout } from '../support/debian.js';
import { BUCKET, Journey, PASSPHRASE } from './harness.js';

/** One member without data, as ustar has it. @param type `3` a character device, `6` a FIFO */
function special(name: string, type: '3' | '6'): Buffer {
  const header = Buffer.alloc(512);
  const put = (text: string, at: number): void => void header.write(text, at, 'latin1');
  put(name, 0);
  put('0000644\0', 100);
  put('00000000000\0', 124);
  put('00000000000\0', 136);
  put(' '.repeat(8), 148);
  put(type, 156);
  put('ustar\x0000', 257);
  put('0000001\0', 329);
  put('0000003\0', 337);
  const sum = header.reduce((total, octet) => total + octet, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** Root's rights taken from it where there are any. */
const POWERLESS =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'] : [];

describe('restoring with few rights', { concurrency: 2, skip: skipWithout('setpriv') }, () => {
  let journey: Journey;
  before(async () => {
    journey = await Journey.begin();
    const archive = async (host: string, lines: string): Promise<void> => {
      const words = journey.positionals(journey.tarCreate(lines), { host });
      const { status, output } = await journey.archiveHost(words).ended;
      assert.equal(status, 0, output);
    };
    const file = join(journey.directory, 'tree');
    mkdirSync(file);
    journey.write('tree/file', 'its contents\n');
    journey.write('devices', Buffer.concat([special('./null', '3'), special('./zero', '3')]));
    journey.write('fifo', special('./fifo', '6'));
    const done = (files: number, specials: number): string =>
      `echo 'Done: ${files} files, 13 bytes, 1 dirs, ${specials} specials, 0 errors' >&2`;
    await archive('dev', `cat '${journey.directory}/devices'; tar -C '${file}' -cf - . && ${done(1, 2)}`);
    await archive('fifo', `cat '${journey.directory}/fifo'; head -c 9728 /dev/zero && ${done(0, 1)}`);
  });
  after(() => journey.end());

  const ours = (...words: string[]): string[] => [
    ...words,
    ...['--endpoint', journey.server.url, '--bucket', BUCKET, '--state-dir', journey.outLoc],
  ];
  const scriptOf = async (host: string): Promise<string> => {
    const path = join(journey.directory, `${host}.sh`);
    const { status, output } = await journey.start(
      'backuppc-b2',
      ours('script', '--host', host, '--output', path),
    ).ended;
    assert.equal(status, 0, output);
    return path;
  };

  it('devices: each message of tar, which members are missing, everything else, and a status that says so', async () => {
    const directory = join(journey.directory, 'dev');
    const { status, output, lastLine } = await journey.start(
      'backuppc-b2',
      ours('restore', '--host', 'dev', '--passphrase-file', journey.passphraseFile, '-C', directory),
      {},
      POWERLESS,
    ).ended;
    assert.equal(status, 9, output);
    for (const name of ['null', 'zero'])
      assert.match(output, new RegExp(`tar: \\./${name}: Cannot mknod: Operation not permitted`));
    assert.match(lastLine, /could not restore 2 members .*: \.\/null, \.\/zero; everything else is in /);
    assert.equal(readFileSync(join(directory, 'file'), 'utf8'), 'its contents\n');
    assert.ok(!existsSync(join(directory, 'null')));
  });

  it('devices, by the restore script', async () => {
    const directory = join(journey.directory, 'dev by script');
    const script = await scriptOf('dev');
    const [program, ...words] = [...POWERLESS, 'sh', script];
    const { status, stderr } = await run(program, [
      ...words,
      ...['--passphrase-file', journey.passphraseFile, '-C', directory],
    ]);
    assert.equal(status, 9, stderr);
    for (const name of ['null', 'zero']) assert.match(stderr, new RegExp(`tar: \\./${name}: Cannot mknod`));
    assert.match(stderr, /2 message\(s\) about members, above; everything else is in .*dev by script$/m);
    assert.equal(readFileSync(join(directory, 'file'), 'utf8'), 'its contents\n');
  });

  it('a backup of nothing but special files is restored', async () => {
    const directory = join(journey.directory, 'specials');
    const words = ours(
      'restore',
      '--host',
      'fifo',
      '--passphrase-file',
      journey.passphraseFile,
      '-C',
      directory,
    );
    const { status, output } = await journey.start('backuppc-b2', words).ended;
    assert.equal(status, 0, output);
    assert.ok(lstatSync(join(directory, 'fifo')).isFIFO());
  });

  it('without a home, with one that is not there, and with one that cannot be written: natively and by the script', async () => {
    const script = await scriptOf('dev');
    const readOnly = join(journey.directory, 'read-only');
    mkdirSync(readOnly);
    chmodSync(readOnly, 0o500);
    for (const home of [undefined, '/nonexistent', readOnly]) {
      const [program, ...words] = [...POWERLESS, 'sh', script];
      const { status, stdout, stderr } = await run(
        program,
        [...words, '-q', '--passphrase-file', journey.passphraseFile, '-o', '-'],
        { HOME: home, GNUPGHOME: undefined },
      );
      assert.equal(status, 0, stderr);
      assert.ok(stdout.includes('its contents'));
      const file = join(journey.directory, `home-${String(home?.length)}.tar`);
      const native = await journey.start(
        'backuppc-b2',
        ours('restore', '--host', 'dev', '--passphrase-file', journey.passphraseFile, '-o', file),
        { HOME: home, GNUPGHOME: undefined },
        POWERLESS,
      ).ended;
      assert.equal(native.status, 0, native.output);
    }
    assert.ok(!existsSync('/nonexistent'));
  });

  it('a volume that gpg sealed: the same', async () => {
    // Of the older scripts: only gpg itself opens what it compressed.
    const home = join(journey.directory, 'gnupg');
    mkdirSync(home, { mode: 0o700 });
    const sealed = spawnSync(
      'gpg',
      [
        '--batch',
        '--homedir',
        home,
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        PASSPHRASE,
        '-c',
        '-o',
        '-',
      ],
      { input: spawnSync('tar', ['-C', join(journey.directory, 'tree'), '-cf', '-', '.']).stdout },
    );
    spawnSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    assert.equal(sealed.status, 0, sealed.stderr.toString());
    const bucket = journey.server.bucket(BUCKET);
    bucket.put('old.3.tar.gpg', sealed.stdout);
    bucket.put('old.3.tar.COMPLETE', Buffer.alloc(0));
    const words = ours(
      'restore',
      '--legacy',
      '--host',
      'old',
      '--passphrase-file',
      journey.passphraseFile,
      '-',
    );
    const { status, output } = await journey.start('backuppc-b2', words, { HOME: '/nonexistent' }, POWERLESS)
      .ended;
    assert.equal(status, 0, output);
    assert.match(output, /its contents/);
  });
});

/** Beside the server, which is of this process. */
function run(
  program: string,
  words: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const env = { ...process.env, RESTORE_PAUSE: '0', ...more };
  const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => (said.stdout += bytes.toString('latin1')));
  child.stderr.on('data', (bytes: Buffer) => (said.stderr += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (status) => {
      resolve({ status, ...said });
    });
  });
}
