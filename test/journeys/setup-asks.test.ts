/** `backuppc-b2 setup` on a terminal: every answer is checked when it is given, the old ones are offered, secrets do not show. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generateKey } from 'openpgp';
import { parse } from 'smol-toml';
import { EXIT_STATUS } from '../../src/errors.js';
import { skipWithout } from '../support/debian.js';
import { NODE_ENVIRONMENT, programPath } from '../support/programs.js';
import { KEY, onTerminal, type OnTerminal } from '../support/pseudo-terminal.js';
import { BUCKET, Journey } from './harness.js';

const PROGRAM = programPath('backuppc-b2');

describe('setup on a terminal', { skip: skipWithout('script') }, () => {
  let journey: Journey;
  let directory: string;
  let file: string;
  before(async () => {
    journey = await Journey.begin();
    directory = join(journey.directory, 'etc');
    mkdirSync(directory);
    file = join(directory, 'backuppc-b2.toml');
  });
  after(() => journey.end());

  const setup = (words: readonly string[] = [], columns?: number): OnTerminal =>
    onTerminal(
      [
        ...[PROGRAM, 'setup', '--config', file, '--user', userInfo().username],
        ...['--endpoint', journey.server.url, '--bin-directory', join(journey.directory, 'none')],
        ...words,
      ],
      { PATH: '/bin:/usr/bin', HOME: journey.directory, ...NODE_ENVIRONMENT },
      columns,
    );
  /** Answers, once the question shows. */
  const reply = async (terminal: OnTerminal, question: RegExp, text: string): Promise<string> => {
    const shown = await terminal.saw(question);
    terminal.type(text + KEY.enter);
    return shown;
  };
  const instead = (text: string): string => KEY.ctrlU + text;

  it('Ctrl-C and Ctrl-D at a question end it at once: status 12, nothing is written', async () => {
    for (const [key, columns] of [
      [KEY.ctrlC, 0],
      [KEY.ctrlD, 80],
    ] as const) {
      const terminal = setup([], columns);
      await terminal.saw(/Application key ID/);
      terminal.type(key);
      const { status, output } = await terminal.ended;
      assert.equal(status, EXIT_STATUS.interrupted, output);
      assert.match(output, /stopped at a question: nothing was changed/);
    }
    assert.deepEqual(readdirSync(directory), []);
  });

  it('Ctrl-C works while B2 keeps it waiting, too', async () => {
    const line = journey.server.faults.hold({ on: 'authorize_account', when: 'answer' });
    const terminal = setup();
    await reply(terminal, /Application key ID/, journey.server.keyId);
    await reply(terminal, /Application key\b(?! ID)/, journey.server.key);
    await line.reached;
    terminal.type(KEY.ctrlC);
    const { status, output } = await terminal.ended;
    line.release();
    assert.equal(status, EXIT_STATUS.interrupted, output);
    assert.match(output, /stopped by SIGINT/);
    assert.deepEqual(readdirSync(directory), []);
  });

  it('an unusable answer is asked for again, with the reason', async () => {
    const passphrase = join(directory, 'open-to-others');
    journey.write('etc/open-to-others', 'secret words\n', 0o644);
    const terminal = setup(['--state-dir', join(directory, 'state')]);
    await reply(terminal, /Application key ID/, journey.server.keyId);
    await reply(terminal, /Application key\b(?! ID)/, 'K005wrong');
    await reply(terminal, /does not accept the application key[^]*Application key ID/, '');
    await reply(terminal, /Application key\b(?! ID)/, journey.server.key);
    await reply(terminal, /Bucket/, instead('no-such-bucket'));
    await reply(
      terminal,
      new RegExp(`sees no bucket no-such-bucket; it sees ${BUCKET}[^]*Bucket`),
      instead(BUCKET),
    );
    await reply(terminal, /What opens the archives/, '');
    await reply(terminal, /Passphrase file/, instead('passphrase'));
    await reply(terminal, /not an absolute path[^]*Passphrase file/, instead(passphrase));
    await reply(terminal, /is open to others[^]*Passphrase file/, instead(join(directory, 'passphrase')));
    await reply(terminal, /New passphrase/, 'correct horse');
    await reply(terminal, /The same again/, 'correct house');
    await reply(terminal, /not the same[^]*New passphrase/, 'correct horse');
    await reply(terminal, /The same again/, 'correct horse');
    await reply(terminal, /Upload limit/, 'fast');
    await reply(terminal, /not a rate[^]*Upload limit/, instead('800Mbit'));
    await reply(terminal, /\(800 Mbit\/s\)[^]*Send only what changed/, '');
    const { status, output } = await terminal.ended;
    assert.equal(status, EXIT_STATUS.ok, output);
    assert.equal(readFileSync(join(directory, 'passphrase'), 'utf8'), 'correct horse\n');
    assert.equal(statSync(join(directory, 'passphrase')).mode & 0o007, 0);
    for (const secret of [journey.server.key, 'K005wrong', 'correct h']) assert.ok(!output.includes(secret));
    assert.deepEqual(
      { ...parse(readFileSync(file, 'utf8')) },
      {
        key_id: journey.server.keyId,
        application_key: journey.server.key,
        endpoint: journey.server.url,
        bucket: BUCKET,
        passphrase_file: [join(directory, 'passphrase')],
        state_dir: join(directory, 'state'),
        bwlimit: '800Mbit',
        compress: 'auto',
        reuse: true,
      },
    );
  });

  it('the second time, Enter keeps what was there, and what is not asked stays; a secret is named by its place', async () => {
    const { publicKey, privateKey } = await generateKey({ userIDs: [{ name: 'away' }], format: 'armored' });
    const recipient = journey.write('backup-key.asc', publicKey);
    const secretKey = journey.write('secret.asc', privateKey);
    const former: Record<string, unknown> = { ...parse(readFileSync(file, 'utf8')) };
    journey.write(
      'etc/backuppc-b2.toml',
      `${readFileSync(file, 'utf8')}\ncancel_unfinished_days = 7\n`,
      0o600,
    );
    const terminal = setup(['--no-check']);
    await reply(terminal, /is there\. Go through it/, '');
    await reply(terminal, /Application key ID/, '');
    await reply(terminal, new RegExp(`Enter keeps the one in ${file}`), '');
    await reply(terminal, /Bucket/, '');
    await terminal.saw(/as before: passphrase in [^]*an OpenPGP key/);
    terminal.type(KEY.down);
    terminal.type(KEY.down);
    terminal.type(KEY.enter);
    await reply(terminal, /File with the public key/, secretKey);
    await reply(terminal, /is a secret key[^]*File with the public key/, instead(recipient));
    await reply(terminal, /key [0-9A-F]{16}[^]*Upload limit/, instead(''));
    await reply(terminal, /Send only what changed/, '');
    const { status, output } = await terminal.ended;
    assert.equal(status, EXIT_STATUS.ok, output);
    assert.match(output, /as before: cancel_unfinished_days/);
    assert.ok(!output.includes(journey.server.key));
    delete former['bwlimit'];
    delete former['passphrase_file'];
    assert.deepEqual(
      { ...parse(readFileSync(file, 'utf8')) },
      { ...former, recipient: [recipient], cancel_unfinished_days: 7 },
    );
  });
});
