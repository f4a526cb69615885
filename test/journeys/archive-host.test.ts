/** The door that BackupPC calls, as a process, against a B2 over HTTP; gpg and tar judge what was stored. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Manifest } from '../../src/catalog/manifest.js';
import { FINISHED_RUNS } from '../../src/journal/finished-runs.js';
import { INSTALLATION_FILE } from '../../src/journal/installation.js';
import { HISTORY } from '../../src/reporting/history.js';
import { GpgHome } from '../support/gpg.js';
import { BUCKET, Journey, PASSPHRASE } from './harness.js';

describe('BackupPC_archiveHost_b2', () => {
  let journey: Journey;
  let gpg: GpgHome;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    gpg = new GpgHome();
    tree = join(journey.directory, 'tree');
    mkdirSync(join(tree, 'deep'), { recursive: true });
    journey.write('tree/a', 'hello');
    journey.write('tree/deep/b', Buffer.alloc(12_000_000, 'b2'));
  });
  after(async () => {
    gpg.remove();
    await journey.end();
  });

  const manifestOf = (host: string): Manifest =>
    JSON.parse(journey.server.bucket(BUCKET).read(`${host}.12.tar.COMPLETE`).toString()) as Manifest;

  it('stores a backup that gpg and tar read, the manifest last', async () => {
    const { status, output } = await journey.archiveHost(journey.positionals(journey.tarOf(tree))).ended;
    assert.equal(status, 0, output);
    assert.match(output, /^ {2}backuppc-b2 [\d.]+: starting\n/, 'says something at once');
    assert.match(output, /web\.example #12: finished, 11\.\d MiB in 1 volume/);
    const bucket = journey.server.bucket(BUCKET);
    assert.deepEqual(bucket.names(), [
      'web.example.12.tar.COMPLETE',
      'web.example.12.tar.FILES.gpg',
      'web.example.12.tar.MANIFEST.gpg',
      'web.example.12.tar.gpg',
    ]);
    const tar = await gpg.decrypt(bucket.read('web.example.12.tar.gpg'), PASSPHRASE);
    const original = spawnSync('tar', ['-C', tree, '--sort=name', '-cf', '-', '.'], {
      maxBuffer: 64 << 20,
    }).stdout;
    assert.ok(tar.equals(original), 'the tar came back byte for byte');

    const manifest = manifestOf('web.example');
    assert.equal(manifest.state, 'finished');
    assert.deepEqual(manifest.tar, { bytes: original.length, files: 3, directories: 1, errors: 0 });
    const [volume] = manifest.volumes;
    assert.equal(volume?.fileId, bucket.file('web.example.12.tar.gpg')?.fileId);
    assert.equal(volume?.dataBytes, original.length);
    assert.equal(journey.server.requests.filter((r) => r.status === 200).at(-1)?.operation, 'b2_upload_file');
    assert.deepEqual(
      readdirSync(journey.outLoc).sort(),
      [FINISHED_RUNS, HISTORY, INSTALLATION_FILE],
      'the journal is gone',
    );
  });

  it('splits into volumes named as split names them, the splitting overridden by a flag', async () => {
    const { status, output } = await journey.archiveHost([
      '--split-size',
      '5M',
      '-q',
      ...journey.positionals(journey.tarOf(tree), { host: 'split', splitSize: '0.5000000' }),
    ]).ended;
    assert.equal(status, 0, output);
    const names = journey.server
      .bucket(BUCKET)
      .names()
      .filter((name) => name.startsWith('split.'));
    assert.deepEqual(names, [
      'split.12.tar.COMPLETE',
      'split.12.tar.FILES.gpg',
      'split.12.tar.MANIFEST.gpg',
      'split.12.tar.aa.gpg',
      'split.12.tar.ab.gpg',
      'split.12.tar.ac.gpg',
    ]);
    const parts = await Promise.all(
      names.slice(3).map((name) => gpg.decrypt(journey.server.bucket(BUCKET).read(name), PASSPHRASE)),
    );
    assert.deepEqual(parts.map((part) => part.length).slice(0, 2), [5 << 20, 5 << 20]);
    const listed = spawnSync('tar', ['-tf', '-'], { input: Buffer.concat(parts) });
    assert.equal(listed.status, 0);
    assert.match(listed.stdout.toString(), /\.\/deep\/b/);
  });

  const failures: [name: string, words: () => string[], status: number, lastLine: RegExp][] = [
    [
      'ten arguments',
      () => journey.positionals(journey.tarOf(tree)).slice(1),
      2,
      /expected 11 arguments, got 10/,
    ],
    [
      'an unknown option',
      () => ['--bwlimt', '1M', ...journey.positionals(journey.tarOf(tree))],
      2,
      /unknown option '--bwlimt'/,
    ],
    [
      'a tarCreate that is not executable',
      () => journey.positionals('/etc/passwd'),
      2,
      /tarCreatePath "\/etc\/passwd" is not an executable file/,
    ],
    [
      'a tarCreate that is missing',
      () => journey.positionals('/no/such/tarCreate'),
      2,
      /is not an executable file/,
    ],
    [
      'a negative split size',
      () => journey.positionals(journey.tarOf(tree), { splitSize: '-1000000' }),
      2,
      /-1000000/,
    ],
    [
      'a split size in words',
      () => journey.positionals(journey.tarOf(tree), { splitSize: '1e3000000' }),
      2,
      /splitSize "1e3000000"/,
    ],
    [
      'a backup number in words',
      () => journey.positionals(journey.tarOf(tree), { number: 'twelve' }),
      2,
      /bkupNum "twelve"/,
    ],
    [
      'a host with a slash',
      () => journey.positionals(journey.tarOf(tree), { host: '../etc' }),
      2,
      /host "\.\.\/etc" contains "\/"/,
    ],
    [
      'a host with a control character',
      () => journey.positionals(journey.tarOf(tree), { host: 'a\tb' }),
      2,
      /control character/,
    ],
    [
      'a state directory that cannot be',
      () => journey.positionals(journey.tarOf(tree), { outLoc: join(journey.passphraseFile, 'below') }),
      9,
      /cannot write to .*ENOTDIR/,
    ],
    [
      'no passphrase file',
      () => ['--passphrase-file', '/no/such', ...journey.positionals(journey.tarOf(tree))],
      3,
      /cannot read the passphrase file \/no\/such: ENOENT/,
    ],
    [
      'a wrong endpoint',
      () => ['--endpoint', 'http://example.com', ...journey.positionals(journey.tarOf(tree))],
      3,
      /--endpoint/,
    ],
    [
      'a bucket that is not there',
      () => ['--bucket', 'nowhere-bucket', ...journey.positionals(journey.tarOf(tree))],
      6,
      /nowhere-bucket/,
    ],
    [
      'a tarCreate that dies at once',
      () => journey.positionals(journey.tarCreate('echo "bad backup number 12 for host x" >&2; exit 1')),
      4,
      /tarCreate exited with status 1: bad backup number 12/,
    ],
    [
      'a tarCreate that writes nothing',
      () => journey.positionals(journey.tarCreate('exit 0')),
      4,
      /tarCreate wrote nothing/,
    ],
    [
      'a tarCreate that dies half-way',
      () =>
        journey.positionals(
          journey.tarCreate(
            `tar -C '${tree}' -cf - . | head -c 9000000; echo 'fail: disk on fire' >&2; exit 3`,
          ),
        ),
      4,
      /tarCreate exited with status 3: .*disk on fire/,
    ],
    [
      'a tarCreate that is killed',
      () => journey.positionals(journey.tarCreate(`tar -C '${tree}' -cf - . | head -c 9000000; kill -9 $$`)),
      4,
      /tarCreate was killed by SIGKILL/,
    ],
    [
      'a backup whose directory is gone',
      () =>
        journey.positionals(
          journey.tarCreate(
            "head -c 10240 /dev/zero; echo 'Done: 0 files, 0 bytes, 0 dirs, 0 specials, 0 errors' >&2",
          ),
        ),
      4,
      /empty tar/,
    ],
  ];
  for (const [name, words, status, lastLine] of failures) {
    it(`${name}: refused with the reason as the last line, nothing finished`, async () => {
      const host = 'failing';
      const arranged = words().map((word) => (word === 'web.example' ? host : word));
      const ended = await journey.archiveHost(arranged).ended;
      assert.equal(ended.status, status, ended.output);
      assert.match(ended.lastLine, lastLine);
      assert.doesNotMatch(ended.output, /[\r\t\u001b]/);
      assert.deepEqual(
        journey.server
          .bucket(BUCKET)
          .names()
          .filter((file) => file.startsWith(host)),
        [],
        'nothing looks finished',
      );
    });
  }

  it('gives a wrong key and a missing capability as the reason', async () => {
    const wrong = await journey.archiveHost(journey.positionals(journey.tarOf(tree)), {
      B2_APPLICATION_KEY: 'K005wrong',
    }).ended;
    assert.equal(wrong.status, 6, wrong.output);
    assert.match(wrong.lastLine, /application key/);
    assert.doesNotMatch(wrong.output, /K005wrong/);
  });

  it('calls an archive partial when tarCreate counted errors, and says so', async () => {
    const tar = journey.tarCreate(
      `tar -C '${tree}' -cf - .; echo 'Unable to open file /x' >&2; echo 'Done: 3 files, 5000 bytes, 1 dirs, 0 specials, 1 errors' >&2`,
    );
    const ended = await journey.archiveHost(journey.positionals(tar, { host: 'partial' })).ended;
    assert.equal(ended.status, 5, ended.output);
    assert.match(ended.lastLine, /partial, .*tarCreate counted 1 error: Unable to open file \/x/);
    assert.deepEqual([manifestOf('partial').state, manifestOf('partial').tar.errors], ['partial', 1]);
    const allowed = await journey.archiveHost([
      '--allow-partial',
      ...journey.positionals(tar, { host: 'partial' }),
    ]).ended;
    assert.equal(allowed.status, 0, allowed.output);
    assert.match(allowed.lastLine, /partial/);
  });

  it('stops at SIGINT to its process group, leaves no child, and the rerun goes on', async () => {
    const pidFile = join(journey.directory, 'tar.pid');
    const slow = journey.tarCreate(
      `echo $$ > '${pidFile}'; tar -C '${tree}' --sort=name -cf - .; exec sleep 1000`,
    );
    const words = journey.positionals(slow, { host: 'stopped' });
    const run = journey.archiveHost(['-v', '--part-size', '5M', ...words]);
    await run.saw(/volume 1: .*started/);
    // As BackupPC does: the signal goes to the group of our pid, which the launcher made us the leader of.
    process.kill(-run.pid, 'SIGINT');
    const ended = await run.ended;
    assert.equal(ended.status, 12, ended.output);
    assert.match(ended.lastLine, /stopped by SIGINT/);
    assert.equal(existsSync(`/proc/${readFileSync(pidFile, 'utf8').trim()}`), false, 'tarCreate is gone');
    assert.deepEqual(
      journey.server
        .bucket(BUCKET)
        .names()
        .filter((name) => name.startsWith('stopped')),
      [],
    );
    const again = await journey.archiveHost([
      '-v',
      '--part-size',
      '5M',
      ...journey.positionals(journey.tarOf(tree), { host: 'stopped' }),
    ]).ended;
    assert.equal(again.status, 0, again.output);
    assert.match(again.output, /resuming run .* 0 to start over/);
    assert.doesNotMatch(again.output, /starts over|reading the source again/);
    const tar = await gpg.decrypt(journey.server.bucket(BUCKET).read('stopped.12.tar.gpg'), PASSPHRASE);
    assert.equal(spawnSync('tar', ['-df', '-', '-C', tree], { input: tar }).status, 0);
  });

  it('keeps secrets out of its output and its process list', async () => {
    const ended = await journey.archiveHost([
      '-v',
      ...journey.positionals(
        journey.tarCreate(`tr '\\0' ' ' < /proc/$PPID/cmdline >&2; tar -C '${tree}' -cf - .`),
        { host: 'secret' },
      ),
    ]).ended;
    assert.match(ended.output, /archive-host(\.js)? --s2k-bytes/, 'the command line was looked at');
    assert.doesNotMatch(ended.output, new RegExp(`${PASSPHRASE}|${journey.server.key}`));
  });

  it('refuses a passphrase file that others can read', async () => {
    const open = journey.write('open-pass', 'x\n');
    chmodSync(open, 0o644);
    const ended = await journey.archiveHost([
      '--passphrase-file',
      open,
      ...journey.positionals(journey.tarOf(tree)),
    ]).ended;
    assert.equal(ended.status, 3);
    assert.match(ended.lastLine, /open to others/);
  });

  it('prints help with examples', async () => {
    const ended = await journey.start('BackupPC_archiveHost_b2', ['--help']).ended;
    assert.equal(ended.status, 0);
    assert.match(ended.output, /ArchiveClientCmd/);
    assert.match(ended.output, /--bwlimit/);
  });
});
