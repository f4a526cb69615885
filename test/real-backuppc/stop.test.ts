/** Archives that BackupPC stops, or that outlive it; and that wait for nobody. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { noise } from '../interop/tree.js';
import { GpgHome } from '../support/gpg.js';
import { needBackupPc } from './package.js';
import { until } from './processes.js';
import { BUCKET, PASSPHRASE, Scene } from './scene.js';

/** Three parts; the second one never arrives. */
const STALLED = 'upload_part=stall-body@2';
/** BackupPC kills after one second. */
const GONE_MS = 2000;

describe('an archive that BackupPC stops', { skip: needBackupPc() }, () => {
  let scene: Scene;
  let gpg: GpgHome;
  /** ArchiveDest by archive host. */
  const states: Record<string, string> = {};
  const hosts = ['stopped', 'late', 'orphan', 'killed', 'wanted'];

  before(async () => {
    scene = await Scene.begin();
    gpg = new GpgHome();
    for (const [index, host] of hosts.entries())
      scene.backuppc.addRsyncHost(host, scene.smallTree(host, noise(12 * 1024 * 1024, index)));
    states['offsite'] = scene.addArchiveHost('offsite');
    states['impatient'] = scene.addArchiveHost('impatient', { settings: { ClientTimeout: 5 } });
    await scene.backuppc.start();
    await Promise.all(hosts.map((host) => scene.backuppc.backUp(host, 'doFull')));
  });
  afterEach(() => {
    scene.server.faults.clear();
    scene.server.clearLog();
  });
  after(async () => {
    gpg.remove();
    await scene.end();
  });

  const name = (host: string): string => `${host}.0.tar.gpg`;

  async function assertWhole(host: string): Promise<void> {
    const tar = await gpg.decrypt(scene.server.bucket(BUCKET).read(name(host)), PASSPHRASE);
    assert.ok(tar.equals(await scene.backuppc.tarCreate(host, 0)), `${host} is whole`);
  }

  /** What has arrived stays, what is on its way is lost. */
  async function stallArchive(archiveHost: string, host: string): Promise<void> {
    await scene.archiveCaughtBy(STALLED, archiveHost, host);
    await until(
      'another part is confirmed',
      () =>
        scene.server.requests.filter(
          (request) => request.operation === 'b2_upload_part' && request.status === 200,
        ).length > 0,
    );
  }

  async function gone(): Promise<void> {
    await until('our processes are gone', () => scene.ourProcesses().length === 0, GONE_MS);
  }

  async function assertResumes(
    host: string,
    archiveHost = 'offsite',
    state = states['offsite'] ?? '',
  ): Promise<void> {
    scene.server.faults.clear();
    const { result, log } = await scene.backuppc.archiveEnded(archiveHost, () =>
      scene.backuppc.requestArchive(archiveHost, host, 0, state),
    );
    assert.equal(result, 'ok', log);
    assert.match(
      log,
      new RegExp(`^${host} #0: finished, .* of it sent now`, 'm'),
      'not everything is sent again',
    );
    await assertWhole(host);
  }

  it('is gone within two seconds of a stop, and resumes', async () => {
    const { backuppc } = scene;
    await stallArchive('offsite', 'stopped');
    const record = await backuppc.archiveEnded('offsite', async () => {
      assert.match(await backuppc.message('stop offsite backuppc 0'), /ok: archive of offsite canceled/);
      await gone();
    });
    assert.deepEqual([record.result, record.errorMessage], ['failed', 'aborted by user (signal=INT)']);
    await assertResumes('stopped');
  });

  it('is gone within two seconds of the ClientTimeout, and resumes', async () => {
    const { backuppc } = scene;
    const record = await backuppc.archiveEnded('impatient', () => stallArchive('impatient', 'late'));
    await gone();
    assert.deepEqual([record.result, record.errorMessage], ['failed', 'aborted by signal=ALRM']);
    // By the patient archive host, with the other's journal.
    await assertResumes('late', 'offsite', states['impatient']);
  });

  it('lets a backup of its host wait, and both come to a good end', async () => {
    const { backuppc, server } = scene;
    await stallArchive('offsite', 'wanted');
    const { result, log } = await backuppc.archiveEnded('offsite', async () => {
      await backuppc.requestBackup('wanted', 'doIncr');
      assert.equal(backuppc.backups('wanted').length, 1);
      assert.ok(await backuppc.isBusy('offsite'));
      server.faults.clear();
      server.resetConnections();
    });
    assert.equal(result, 'ok', log);
    await until('the backup is there', () => backuppc.backups('wanted').length === 2);
    await until('wanted is idle', async () => !(await backuppc.isBusy('wanted')));
    await assertWhole('wanted');
  });

  it('goes on to its end when the process that listened is killed', async () => {
    const { backuppc, server } = scene;
    await stallArchive('offsite', 'orphan');
    const listener = backuppc.processes().find(({ command }) => command.includes('/BackupPC_archive '));
    assert.ok(listener, 'BackupPC_archive runs');
    process.kill(listener.pid, 'SIGKILL');
    server.faults.clear();
    server.resetConnections();
    await until('the archive is complete', () =>
      server.bucket(BUCKET).names().includes('orphan.0.tar.COMPLETE'),
    );
    await until('our processes are gone', () => scene.ourProcesses().length === 0);
    await assertWhole('orphan');
    const log = join(states['offsite'] ?? '', 'orphan.0.log');
    assert.ok(existsSync(log), 'the rest of the log is in a file');
    assert.match(readFileSync(log, 'utf8'), /orphan #0: finished/);
    await until('offsite is idle', async () => !(await backuppc.isBusy('offsite')));
  });

  it('ends with the daemon, and resumes under the next one', async () => {
    const { backuppc } = scene;
    await stallArchive('offsite', 'killed');
    await backuppc.stop();
    await gone();
    assert.ok(!scene.server.bucket(BUCKET).names().includes('killed.0.tar.COMPLETE'));
    await backuppc.start();
    await assertResumes('killed');
  });
});
