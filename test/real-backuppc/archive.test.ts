/** Backups of a real BackupPC 4.4, archived through its daemon; gpg and tar judge what came to B2. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { GpgHome } from '../support/gpg.js';
import { needBackupPc } from './package.js';
import type { BackupRecord } from './records.js';
import { BUCKET, PASSPHRASE, Scene } from './scene.js';
import { BIG_BYTES, changeAwkwardTree, describeTree, writeAwkwardTree } from './tree.js';

describe('an archive host of BackupPC', { skip: needBackupPc() }, () => {
  let scene: Scene;
  let gpg: GpgHome;
  let tree: string;
  let full: BackupRecord;
  let incremental: BackupRecord;
  let state: string;

  before(async () => {
    scene = await Scene.begin();
    gpg = new GpgHome();
    const { backuppc } = scene;
    tree = backuppc.mkdir('tree');
    writeAwkwardTree(tree);
    backuppc.addRsyncHost('web.example', tree);
    backuppc.addHost('db', {
      XferMethod: 'tar',
      TarShareName: scene.smallTree('db', 'a database\n'),
      TarClientCmd: '$tarPath -c -v -f - -C $shareName --totals',
      TarFullArgs: '$fileList',
      TarIncrArgs: '--newer=$incrDate $fileList',
    });
    state = scene.addArchiveHost('offsite');
    // A state directory of its own is an installation of its own: it must not replace what another one has made.
    scene.addArchiveHost('offsite-gzip', { settings: { ArchiveComp: 'gzip' }, toml: { prefix: 'gzip/' } });
    await backuppc.start();
    const other = backuppc.backUp('db', 'doFull');
    full = await backuppc.backUp('web.example', 'doFull');
    changeAwkwardTree(tree);
    incremental = await backuppc.backUp('web.example', 'doIncr');
    await other;
  });
  after(async () => {
    gpg.remove();
    await scene.end();
  });

  const open = (name: string): Promise<Buffer> =>
    gpg.decrypt(scene.server.bucket(BUCKET).read(name), PASSPHRASE);

  /** The archive as its volumes give it, joined. */
  const openArchive = async (stem: string): Promise<Buffer> => {
    const complete = scene.server.bucket(BUCKET).read(`${stem}.tar.COMPLETE`).toString();
    const { volumes } = JSON.parse(complete) as PlainManifest;
    return Buffer.concat(await Promise.all(volumes.map(({ name }) => open(name))));
  };

  it('has a full and an incremental backup to archive, each without the file that nobody may read', async () => {
    assert.deepEqual([full.number, full.type, incremental.number, incremental.type], [0, 'full', 1, 'incr']);
    assert.ok(full.errors > 0 && incremental.errors > 0);
    assert.match(await scene.backuppc.log('web.example', 'XferLOG.1'), /unreadable.*Permission denied/);
  });

  it('records ok, with a log that can be read', async () => {
    const { result, errorMessage, log } = await scene.backuppc.archive('offsite', 'web.example');
    assert.deepEqual([result, errorMessage], ['ok', ''], log);
    assert.match(log, /^ {2}backuppc-b2 [\d.]+: starting$/m);
    assert.match(
      log,
      /^ {2}[-\d]+ [:\d]+ tar: Done: \d+ files, \d+ bytes, \d+ dirs, \d+ specials, 0 errors$/m,
    );
    assert.match(
      log,
      /^ {2}[-\d]+ [:\d]+ volume 1: web\.example\.1\.tar\.gpg: finished, 1\d\.\d MiB, \d parts/m,
    );
    assert.match(log, /^web\.example #1: finished, /m);
    assert.match(log, /^Completed Archive$/m);
    assert.doesNotMatch(log, /[^\n\x20-\x7e]/, 'no control character');
    assert.doesNotMatch(log, new RegExp(`${PASSPHRASE}|${scene.server.key}`));
  });

  it('stored byte for byte what BackupPC_tarCreate gives', async () => {
    const bucket = scene.server.bucket(BUCKET);
    assert.deepEqual(bucket.names(), [
      'web.example.1.tar.COMPLETE',
      'web.example.1.tar.FILES.gpg',
      'web.example.1.tar.MANIFEST.gpg',
      'web.example.1.tar.gpg',
    ]);
    const stored = await open('web.example.1.tar.gpg');
    assert.ok(stored.length > BIG_BYTES);
    assert.ok(stored.equals(await scene.backuppc.tarCreate('web.example', 1)));
  });

  it('gives back the tree as it was: names, holes, links, modes, times', async () => {
    const restored = scene.backuppc.mkdir('restored');
    const { status, stderr } = spawnSync('tar', ['-xpSf', '-', '-C', restored], {
      input: await open('web.example.1.tar.gpg'),
    });
    assert.equal(status, 0, stderr.toString());
    const wanted = describeTree(tree).filter((line) => !line.startsWith('unreadable:'));
    assert.deepEqual(describeTree(join(restored, 'data')), wanted);
  });

  it('archives an older backup when it is asked for by number', async () => {
    const { result, log } = await scene.backuppc.archiveEnded('offsite', () =>
      scene.backuppc.requestArchive('offsite', 'web.example', 0, state),
    );
    assert.equal(result, 'ok', log);
    const stored = await openArchive('web.example.0');
    assert.ok(stored.equals(await scene.backuppc.tarCreate('web.example', 0)));
    const restored = scene.backuppc.mkdir('restored-0');
    assert.equal(
      spawnSync('tar', ['-xpf', '-', '-C', restored, './data/hello'], { input: stored }).status,
      0,
    );
    assert.equal(spawnSync('cat', [join(restored, 'data/hello')]).stdout.toString(), 'hello\n');
  });

  it('takes two hosts in one request', async () => {
    const { result, log } = await scene.backuppc.archive('offsite-gzip', 'db', 'web.example');
    assert.equal(result, 'ok', log);
    assert.match(log, /db #0: finished[^]*web\.example #1: finished/);
    for (const [host, number] of [
      ['db', 0],
      ['web.example', 1],
    ] as const) {
      const tar = gunzipSync(await openArchive(`gzip/${host}.${number}`));
      assert.ok(tar.equals(await scene.backuppc.tarCreate(host, number)), `${host} is whole`);
    }
  });

  it('leaves nothing of an archive in ArchiveDest, only what it remembers about all of them', () => {
    assert.deepEqual(readdirSync(state).sort(), [
      'backuppc-b2-finished.jsonl',
      'backuppc-b2-history.jsonl',
      'backuppc-b2-installation.json',
    ]);
  });

  it('archives a host again, with a new backup, beside the old one', async () => {
    writeFileSync(join(tree, 'third'), 'third backup\n');
    const { number } = await scene.backuppc.backUp('web.example', 'doFull');
    const { result, log } = await scene.backuppc.archive('offsite', 'web.example');
    assert.equal(result, 'ok', log);
    assert.ok(scene.server.bucket(BUCKET).names().includes(`web.example.${number}.tar.COMPLETE`));
    assert.ok(scene.server.bucket(BUCKET).names().includes('web.example.1.tar.COMPLETE'));
  });

  it('shows its archives to the companion, run as user backuppc', async () => {
    const config = join(scene.backuppc.directory, 'offsite.toml');
    const { status, stdout, stderr } = await scene.command('backuppc-b2', [
      'list',
      '--json',
      '--config',
      config,
    ]);
    assert.equal(status, 0, stderr);
    const { archives } = JSON.parse(stdout) as {
      archives: { host: string; number: number; state: string }[];
    };
    assert.deepEqual(
      archives.filter(({ state: at }) => at !== 'finished'),
      [],
    );
    assert.ok(archives.some(({ host, number }) => host === 'web.example' && number === 1));
  });
});
