/** What says which volumes make an archive is sealed, and signed where there are recipients; stock gpg reads and checks it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { GpgHome } from '../support/gpg.js';
import { BUCKET, Journey, PASSPHRASE } from './harness.js';

describe('the manifest', () => {
  let journey: Journey;
  let gpg: GpgHome;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    gpg = new GpgHome();
    tree = join(journey.directory, 'tree');
    mkdirSync(tree);
    journey.write('tree/a', Buffer.alloc(7_000_000, 'b2'));
  });
  after(async () => {
    gpg.remove();
    await journey.end();
  });

  const read = (name: string): Buffer => journey.server.bucket(BUCKET).read(name);
  const plain = (host: string): PlainManifest =>
    JSON.parse(read(`${host}.12.tar.COMPLETE`).toString()) as PlainManifest;
  const run = (...words: readonly string[]): { status: number | null; text: string } => {
    const { status, stdout, stderr } = spawnSync('gpg', ['--homedir', gpg.path, '--batch', ...words]);
    return { status, text: `${stdout.toString()}${stderr.toString()}` };
  };

  for (const profile of ['librepgp', 'rfc4880'] as const) {
    it(`is sealed under profile ${profile}, and COMPLETE says its hash`, async () => {
      const { status, output } = await journey.archiveHost([
        '--openpgp-profile',
        profile,
        '--split-size',
        '5M',
        ...journey.positionals(journey.tarOf(tree), { host: profile }),
      ]).ended;
      assert.equal(status, 0, output);
      const { sealed, ...said } = plain(profile);
      const bytes = read(`${profile}.12.tar.MANIFEST.gpg`);
      assert.equal(sealed?.name, `${profile}.12.tar.MANIFEST.gpg`);
      assert.equal(sealed.bytes, bytes.length);
      assert.equal(spawnSync('sha256sum', { input: bytes }).stdout.toString().slice(0, 64), sealed.sha256);
      assert.deepEqual(JSON.parse((await gpg.decrypt(bytes, PASSPHRASE)).toString()), said);
      assert.equal(said.volumes.length, 2);
      assert.ok(!journey.server.bucket(BUCKET).names().includes(`${profile}.12.tar.COMPLETE.sig`));
    });
  }

  it('is sealed before COMPLETE goes up', () => {
    const stored = journey.server
      .bucket(BUCKET)
      .versions()
      .filter(({ fileName }) => fileName.startsWith('librepgp.'));
    const order = stored
      .toSorted((a, b) => a.uploadTimestamp - b.uploadTimestamp)
      .map(({ fileName }) => fileName);
    assert.equal(order.at(-1), 'librepgp.12.tar.COMPLETE');
    assert.equal(order.at(-2), 'librepgp.12.tar.MANIFEST.gpg');
  });

  it('is signed where there are recipients: gpg --verify says so, and says when a byte differs', async () => {
    run('--passphrase', '', '--quick-gen-key', 'restorer@example.org', 'default', 'default', 'never');
    const recipient = journey.write('recipient.asc', run('--armor', '--export', 'restorer@example.org').text);
    const start = (host: string) =>
      journey.start('BackupPC_archiveHost_b2', [
        ...journey.flags,
        '--endpoint',
        journey.server.url,
        '--bucket',
        BUCKET,
        '--recipient',
        recipient,
        ...journey.positionals(journey.tarOf(tree), { host }),
      ]).ended;
    const first = await start('signed');
    assert.equal(first.status, 0, first.output);
    assert.match(first.output, /made a key to sign archives with: .*signing-key\.asc; keep a copy of/);
    const secret = join(journey.outLoc, 'signing-key.asc');
    assert.equal(statSync(secret).mode & 0o777, 0o600);
    const second = await start('again');
    assert.equal(second.status, 0, second.output);
    assert.doesNotMatch(second.output, /made a key/);

    assert.equal(run('--import', join(journey.outLoc, 'signing-key.pub.asc')).status, 0);
    for (const host of ['signed', 'again']) {
      const complete = join(journey.directory, `${host}.12.tar.COMPLETE`);
      writeFileSync(complete, read(`${host}.12.tar.COMPLETE`));
      writeFileSync(`${complete}.sig`, read(`${host}.12.tar.COMPLETE.sig`));
      const good = run('--verify', `${complete}.sig`, complete);
      assert.equal(good.status, 0, good.text);
      assert.match(good.text, /Good signature from "backuppc-b2 on /);
      writeFileSync(complete, readFileSync(complete, 'utf8').replace('"number":12', '"number":13'));
      const bad = run('--verify', `${complete}.sig`, complete);
      assert.equal(bad.status, 1);
      assert.match(bad.text, /BAD signature/);
    }
    const sealed = journey.write('manifest.gpg', read('signed.12.tar.MANIFEST.gpg'));
    const { sealed: ref, ...said } = plain('signed');
    assert.equal(ref?.bytes, statSync(sealed).size);
    const opened = spawnSync('gpg', ['--homedir', gpg.path, '--batch', '-q', '-d', sealed]);
    assert.deepEqual(JSON.parse(opened.stdout.toString()), said);
  });

  it('with the secret key alone an archive is unproven; with the signing key its restore is proven', async () => {
    const secret = journey.write(
      'secret.asc',
      run(
        '--armor',
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        '',
        '--export-secret-keys',
        'restorer@example.org',
      ).text,
      0o600,
    );
    const restore = (target: string, ...more: readonly string[]) =>
      journey.start('backuppc-b2', [
        'restore',
        '--host',
        'signed',
        '-o',
        join(journey.directory, target),
        '--endpoint',
        journey.server.url,
        '--bucket',
        BUCKET,
        '--state-dir',
        join(journey.directory, 'elsewhere'),
        '--secret-key-file',
        secret,
        ...more,
      ]).ended;
    const refused = await restore('refused.tar');
    assert.equal(refused.status, 15, refused.output);
    assert.match(refused.output, /anybody with the public key can do, and no trusted key has signed it/);
    const signer = join(journey.outLoc, 'signing-key.pub.asc');
    const proven = await restore('proven.tar', '--signer', signer);
    assert.equal(proven.status, 0, proven.output);
  });

  it('is refused to begin with where the signing key cannot sign, or others can read it', async () => {
    const recipient = join(journey.directory, 'recipient.asc');
    for (const [mode, why] of [
      [0o600, /broken\.asc: not a secret key that can sign/],
      [0o644, /the signing key .*broken\.asc is open to others/],
    ] as const) {
      const key = journey.write('broken.asc', 'no key', mode);
      const { status, lastLine } = await journey.archiveHost([
        '--recipient',
        recipient,
        '--signing-key-file',
        key,
        ...journey.positionals(journey.tarOf(tree), { host: 'refused' }),
      ]).ended;
      assert.equal(status, 3);
      assert.match(lastLine, why);
    }
    assert.ok(
      !journey.server
        .bucket(BUCKET)
        .names()
        .some((name) => name.startsWith('refused')),
    );
  });

  it('leaves a record of finished archives in the state directory', () => {
    const lines = readFileSync(join(journey.outLoc, 'backuppc-b2-finished.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, string>);
    assert.deepEqual(
      lines.map(({ name }) => name),
      ['librepgp', 'rfc4880', 'signed', 'again'].map((host) => `${host}.12.tar.COMPLETE`),
    );
    const complete = read('signed.12.tar.COMPLETE');
    assert.equal(
      lines[2]?.['sha256'],
      spawnSync('sha256sum', { input: complete }).stdout.toString().slice(0, 64),
    );
  });
});
