/** What goes wrong is recorded as failed by BackupPC, with our one line as the reason. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Manifest } from '../../src/catalog/manifest.js';
import { noise } from '../interop/tree.js';
import { GpgHome } from '../support/gpg.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { needBackupPc } from './package.js';
import { until } from './processes.js';
import type { ArchiveRecord } from './records.js';
import { BUCKET, PASSPHRASE, Scene } from './scene.js';

const PRECIOUS = noise(300_000, 9);

describe('an archive that fails under BackupPC', { skip: needBackupPc() }, () => {
  let scene: Scene;
  let gpg: GpgHome;
  let dying: B2Server;
  let state: string;
  let goOn: string;

  before(async () => {
    scene = await Scene.begin();
    gpg = new GpgHome();
    const { backuppc } = scene;
    const tree = scene.smallTree('web', noise(12 * 1024 * 1024, 8));
    writeFileSync(join(tree, 'precious'), PRECIOUS);
    backuppc.addRsyncHost('web.example', tree);
    backuppc.addRsyncHost('small', scene.smallTree('small', 'not much\n'));
    goOn = join(backuppc.directory, 'go-on');
    const wait = backuppc.write('wait', `#!/bin/sh\nuntil [ -e ${goOn} ]; do sleep 0.1; done\n`, 0o755);
    backuppc.addRsyncHost('slow', scene.smallTree('slow', 'slow\n'), { DumpPreShareCmd: wait });
    state = scene.addArchiveHost('offsite');
    scene.addArchiveHost('wrong-key', { applicationKey: 'K005thisIsNotTheKey' });
    scene.addArchiveHost('no-passphrase', { toml: { passphrase_file: '/no/such/file' } });
    dying = await startB2Server({ buckets: [BUCKET] });
    scene.addArchiveHost('dying', { server: dying, toml: { patience: '5s' } });
    await backuppc.start();
    await Promise.all(['web.example', 'small'].map((host) => backuppc.backUp(host, 'doFull')));
  });
  after(async () => {
    gpg.remove();
    await scene.end();
  });

  const manifestOf = (host: string): Manifest =>
    JSON.parse(scene.server.bucket(BUCKET).read(`${host}.0.tar.COMPLETE`).toString()) as Manifest;

  function assertFailed(
    { result, errorMessage, log }: ArchiveRecord & { log: string },
    reason: RegExp,
  ): void {
    assert.equal(result, 'failed', log);
    assert.match(errorMessage, reason, log);
    assert.doesNotMatch(errorMessage, /[^\x20-\x7e]/);
    const ours = log
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('Archive failed') && !line.startsWith('Xfer PIDs'));
    assert.equal(ours.at(-1), errorMessage, 'the reason is our last line');
    assert.deepEqual(scene.ourProcesses(), []);
  }

  it('with a wrong key', async () => {
    const record = await scene.backuppc.archive('wrong-key', 'small');
    assertFailed(record, /application key/);
    assert.doesNotMatch(record.log, /thisIsNotTheKey/);
  });

  it('with a passphrase file that is not there', async () => {
    assertFailed(
      await scene.backuppc.archive('no-passphrase', 'small'),
      /^cannot read the passphrase file \/no\/such\/file: ENOENT$/,
    );
  });

  it('with a number that is no backup', async () => {
    const record = await scene.backuppc.archiveEnded('offsite', () =>
      scene.backuppc.requestArchive('offsite', 'small', 99, state),
    );
    assertFailed(record, /^tarCreate exited with status 1: .*bad backup number 99 for host small/);
    assert.deepEqual(scene.server.bucket(BUCKET).names(), []);
  });

  it('with a B2 that dies, and starts over with one that knows nothing of it', async () => {
    const { backuppc } = scene;
    const planted = dying.faults.add('upload_part=stall-body@2');
    const record = await backuppc.archiveEnded('dying', async () => {
      await backuppc.startArchive('dying', 'web.example');
      await until('a part is under way', () => planted.fired > 0);
      await dying.close();
    });
    assertFailed(record, /ECONNREFUSED .*\(\d+ tries in \d+ s\)$/);
    assert.match(record.log, /^hint: .*the next run goes on from there/m);

    dying = await startB2Server({ port: dying.port, buckets: [BUCKET] });
    try {
      const { result, log } = await backuppc.archive('dying', 'web.example');
      assert.equal(result, 'ok', log);
      await assertWhole(dying, 'web.example');
    } finally {
      await dying.close();
    }
  });

  it('with a pool file that is gone: partial, and the host before it stays archived', async () => {
    const path = scene.backuppc.poolFile(createHash('md5').update(PRECIOUS).digest('hex'));
    renameSync(path, `${path}.away`);
    const record = await scene.backuppc.archive('offsite', 'small', 'web.example');
    renameSync(`${path}.away`, path);
    assertFailed(record, /^web\.example #0: partial, .*; tarCreate counted 1 error: /);
    assert.equal(manifestOf('small').state, 'finished');
    assert.deepEqual([manifestOf('web.example').state, manifestOf('web.example').tar.errors], ['partial', 1]);
  });

  it('with a pool file that is cut short: partial', async () => {
    const path = scene.backuppc.poolFile(createHash('md5').update(PRECIOUS).digest('hex'));
    const whole = scene.backuppc.takeCopy(path);
    truncateSync(path, 100_000);
    const record = await scene.backuppc.archive('offsite', 'web.example');
    renameSync(whole, path);
    assertFailed(record, /^web\.example #0: partial, .*; tarCreate counted 1 error: /);
    assert.equal(manifestOf('web.example').state, 'partial');
  });

  it('is whole once the pool is', async () => {
    const { result, log } = await scene.backuppc.archive('offsite', 'web.example');
    assert.equal(result, 'ok', log);
    assert.equal(manifestOf('web.example').state, 'finished');
    await assertWhole(scene.server, 'web.example');
  });

  it('while a backup of the host runs', async () => {
    const { backuppc } = scene;
    await backuppc.requestBackup('slow', 'doFull');
    await until('the backup has begun', () => backuppc.isBackingUp('slow'));
    const record = await backuppc.archive('offsite', 'slow');
    writeFileSync(goOn, '');
    assertFailed(
      record,
      /^tarCreate exited with status 1: .*can't run BackupPC_tarCreate while BackupPC_dump is running/,
    );
    await until('the backup is there', () => backuppc.backups('slow').length === 1);
    await until('slow is idle', async () => !(await backuppc.isBusy('slow')));
    assert.equal((await backuppc.archive('offsite', 'slow')).result, 'ok');
  });

  async function assertWhole(server: B2Server, host: string): Promise<void> {
    const tar = await gpg.decrypt(server.bucket(BUCKET).read(`${host}.0.tar.gpg`), PASSPHRASE);
    assert.ok(tar.equals(await scene.backuppc.tarCreate(host, 0)), `${host} is whole`);
  }
});
