/** `backuppc-b2 setup` as a new user runs it, without a terminal; then an archive with nothing but what it wrote. */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generateKey } from 'openpgp';
import { parse } from 'smol-toml';
import { EXIT_STATUS } from '../../src/errors.js';
import { GpgHome } from '../support/gpg.js';
import { programPath } from '../support/programs.js';
import { BUCKET, Journey, type Ended } from './harness.js';

let journey: Journey;
let directory: string;
let file: string;
before(async () => {
  journey = await Journey.begin();
  directory = join(journey.directory, 'etc');
  mkdirSync(directory);
  mkdirSync(join(journey.directory, 'bin'));
  file = join(directory, 'backuppc-b2.toml');
});
after(() => journey.end());

const setup = (words: readonly string[], extra: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  journey.start(
    'backuppc-b2',
    [
      'setup',
      '--config',
      file,
      '--user',
      userInfo().username,
      '--endpoint',
      journey.server.url,
      '--bin-directory',
      join(journey.directory, 'bin'),
      ...words,
    ],
    extra,
  ).ended;
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('setup without a terminal', () => {
  it('what is missing is named, and nothing is written', async () => {
    const { status, lastLine } = await setup([], { B2_APPLICATION_KEY_ID: '', B2_APPLICATION_KEY: '' });
    assert.equal(status, EXIT_STATUS.usage);
    assert.match(
      lastLine,
      /needs --key-id .*, B2_APPLICATION_KEY or .*, --bucket, and there is no terminal to ask on/,
    );
    assert.deepEqual(readdirSync(directory), []);
  });

  it('a key that B2 does not know, a bucket that is not there, paths that mean something else elsewhere', async () => {
    for (const [words, extra, reason] of [
      [['--bucket', BUCKET], { B2_APPLICATION_KEY: 'K005wrong' }, /does not accept the application key/],
      [['--bucket', 'no-such-bucket'], {}, /sees no bucket no-such-bucket[^]*nothing was written/],
      [['--bucket', BUCKET, '--state-dir', 'state'], {}, /state_dir: state is not an absolute path/],
      [['--bucket', BUCKET, '--bwlimit', 'fast'], {}, /"fast": not a rate/],
      [['--bucket', BUCKET, '--user', 'nobody-of-this-name'], {}, /there is no user nobody-of-this-name/],
    ] as const) {
      const { status, output } = await setup(words, extra);
      assert.notEqual(status, EXIT_STATUS.ok);
      assert.match(output, reason);
    }
    assert.deepEqual(readdirSync(directory), []);
  });

  it('writes what others cannot read, tries it all, says what to paste', async () => {
    const { status, output } = await setup([
      ...['--bucket', BUCKET, '--bwlimit', '800Mbit', '--state-dir', join(directory, 'state')],
      ...['--backuppc-config', directory],
    ]);
    assert.equal(status, EXIT_STATUS.ok, output);
    const secretMode = process.getuid?.() === 0 ? '640' : '600';
    const passphrase = join(directory, 'backuppc-b2.passphrase');
    assert.deepEqual([file, passphrase, join(directory, 'state')].map(mode), [secretMode, secretMode, '700']);
    assert.deepEqual(
      { ...parse(readFileSync(file, 'utf8')) },
      {
        key_id: journey.server.keyId,
        application_key: journey.server.key,
        endpoint: journey.server.url,
        bucket: BUCKET,
        passphrase_file: [passphrase],
        state_dir: join(directory, 'state'),
        bwlimit: '800Mbit',
        backuppc_config: directory,
      },
    );
    assert.match(readFileSync(passphrase, 'utf8'), /^[\w-]{32}\n$/);
    assert.doesNotMatch(output, new RegExp(readFileSync(passphrase, 'utf8').trim()));
    assert.doesNotMatch(output, new RegExp(journey.server.key));
    assert.match(output, /^ok +rehearsal: /m);
    assert.match(output, new RegExp(`^ok +state directory: ${directory}/state$`, 'm'));
    const door = join(journey.directory, 'bin/BackupPC_archiveHost_b2');
    assert.ok(lstatSync(door).isSymbolicLink());
    assert.match(output, new RegExp(`^\\$Conf\\{ArchiveClientCmd\\} = '${door} --config ${file}'$`, 'm'));
    assert.deepEqual(journey.server.bucket(BUCKET).names(), []);
  });

  it('an archive with it is read by gpg with the passphrase that was made', async () => {
    const config = { BACKUPPC_B2_CONFIG: file, B2_APPLICATION_KEY_ID: '', B2_APPLICATION_KEY: '' };
    const tar = journey.tarCreate(
      `printf 'not much' | tar -cf - --transform s,-,x, /dev/null 2>/dev/null; echo 'Done: 1 files, 8 bytes, 1 dirs, 0 specials, 0 errors' >&2`,
    );
    const { status, output } = await journey.start(
      'BackupPC_archiveHost_b2',
      journey.positionals(tar),
      config,
    ).ended;
    assert.equal(status, EXIT_STATUS.ok, output);
    const gpg = new GpgHome();
    try {
      const stored = journey.server.bucket(BUCKET).read('web.example.12.tar.gpg');
      const passphrase = readFileSync(join(directory, 'backuppc-b2.passphrase'), 'utf8').trim();
      const opened = await gpg.decrypt(stored, passphrase);
      assert.equal(opened.length % 512, 0);
      assert.ok(opened.length > 0);
    } finally {
      gpg.remove();
    }
  });

  it('an existing configuration stays, unless --force is given, and then as FILE.old', async () => {
    const before = readFileSync(file, 'utf8');
    const refused = await setup(['--bucket', BUCKET]);
    assert.equal(refused.status, EXIT_STATUS.config);
    assert.match(refused.lastLine, /already exists/);
    assert.equal(readFileSync(file, 'utf8'), before);

    const passphrase = readFileSync(join(directory, 'backuppc-b2.passphrase'), 'utf8');
    const forced = await setup(['--bucket', BUCKET, '--force', '--no-check', '--state-dir', directory]);
    assert.equal(forced.status, EXIT_STATUS.ok, forced.output);
    assert.equal(readFileSync(`${file}.old`, 'utf8'), before);
    assert.equal(mode(`${file}.old`), mode(file));
    assert.notEqual(readFileSync(file, 'utf8'), before);
    assert.equal(readFileSync(join(directory, 'backuppc-b2.passphrase'), 'utf8'), passphrase);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes('.tmp')),
      [],
    );

    const path = join(journey.directory, 'path');
    mkdirSync(path);
    symlinkSync(programPath('backuppc-b2'), join(path, 'backuppc-b2'));
    const words = ['--bucket', BUCKET, '--force', '--state-dir', join(directory, 'state')];
    const found = await setup(words, { PATH: `/bin:/usr/bin:${path}` });
    assert.equal(found.status, EXIT_STATUS.ok, found.output);
    assert.match(found.output, new RegExp(`^su .* '${path}/backuppc-b2 .*status; ${path}/backuppc-b2 `, 'm'));

    const lost = await setup(['--bucket', BUCKET, '--force', '--state-dir', join(file, 'no/directory')]);
    assert.equal(lost.status, EXIT_STATUS.local, lost.output);
  });
});

describe('setup with recipients alone', () => {
  it('its own example ends well, asks for no secret key on this machine, and the archive opens with it elsewhere', async () => {
    const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: 'away' }], format: 'armored' });
    const recipient = journey.write('backup-key.asc', publicKey);
    const own = join(journey.directory, 'recipients.toml');
    const state = join(journey.directory, 'recipients-state');
    const words = ['--config', own, '--state-dir', state, '--bucket', BUCKET, '--recipient', recipient];
    const { status, output } = await setup(words);
    assert.equal(status, 0, output);
    assert.match(
      output,
      /ok +rehearsal: 1000000 bytes sealed for the recipient, stored, fetched, and read by/,
    );
    assert.doesNotMatch(output, /nothing to decrypt with|passphrase/i);

    const endpoint = journey.server.url;
    const archived = await journey.start('BackupPC_archiveHost_b2', [
      ...['--config', own, '--endpoint', endpoint],
      ...journey.positionals(journey.tarOf('/etc/apt'), { host: 'away', outLoc: state }),
    ]).ended;
    assert.equal(archived.status, 0, archived.output);
    const there = join(journey.directory, 'there');
    const signers = ['--state-dir', state, '--endpoint', endpoint, '--bucket', BUCKET];
    const shut = await journey.start('backuppc-b2', ['restore', '--host', 'away', '-C', there, ...signers])
      .ended;
    assert.equal(shut.status, EXIT_STATUS.config, shut.output);
    assert.match(shut.lastLine, /nothing to decrypt with/);
    assert.deepEqual([there, `${there}.incomplete`].filter(existsSync), []);
    const secret = journey.write('secret.asc', privateKey, 0o600);
    const restored = await journey.start('backuppc-b2', [
      ...['restore', '--host', 'away', '-C', there, '--secret-key-file', secret, ...signers],
    ]).ended;
    assert.equal(restored.status, 0, restored.output);
  });
});
