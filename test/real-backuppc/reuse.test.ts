/** `reuse = true` on a real pool: what is sent of a full backup, of an incremental one, and of one that is not filled. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { noise } from '../interop/tree.js';
import { GpgHome } from '../support/gpg.js';
import { needBackupPc } from './package.js';
import { BUCKET, PASSPHRASE, Scene } from './scene.js';
import { changeAwkwardTree, writeAwkwardTree } from './tree.js';

const HOST = 'web.example';
const FILES = 600;
const FOLDERS = 20;
/** As it is without changes, apart from directories, whose times change with what is in them. */
const CHANGED_FILES = 3;

describe('backups of one host, archived with reuse', { skip: needBackupPc() }, () => {
  let scene: Scene;
  let gpg: GpgHome;
  let state: string;

  before(async () => {
    scene = await Scene.begin();
    gpg = new GpgHome();
    const { backuppc } = scene;
    const tree = backuppc.mkdir('tree');
    writeAwkwardTree(tree);
    for (let i = 0; i < FILES; i++) {
      const folder = join(tree, `folder ${i % FOLDERS}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `file ${i}`), noise(500 + ((i * 7919) % 60_000), i % 251));
    }
    backuppc.addRsyncHost(HOST, tree);
    state = scene.addArchiveHost('offsite', { toml: { reuse: true, reuse_volume: '128K' } });
    await backuppc.start();
    await backuppc.backUp(HOST, 'doFull');
    changeAwkwardTree(tree);
    await backuppc.backUp(HOST, 'doIncr');
    for (let i = 0; i < CHANGED_FILES; i++)
      writeFileSync(join(tree, `folder ${i}`, `file ${i}`), noise(20_000, 252 + i));
    // The second one is kept as what differs from the third from here on.
    await backuppc.backUp(HOST, 'doIncr');
  });
  after(async () => {
    gpg.remove();
    await scene.end();
  });

  interface Archived {
    readonly sentBytes: number;
    readonly bytes: number;
    readonly volumes: number;
    readonly copies: number;
  }

  /** Archives backup `number`; gpg gives back what BackupPC_tarCreate gives. */
  async function archive(number: number, t: TestContext): Promise<Archived> {
    const { backuppc, server } = scene;
    server.clearLog();
    const { result, log } = await backuppc.archiveEnded('offsite', () =>
      backuppc.requestArchive('offsite', HOST, number, state),
    );
    assert.equal(result, 'ok', log);
    const ofKind = (operation: string): typeof server.requests =>
      server.requests.filter((request) => request.operation === operation && request.status === 200);
    const sentBytes = ofKind('b2_upload_file').reduce((sum, { bytesIn }) => sum + bytesIn, 0);
    const bucket = server.bucket(BUCKET);
    const complete = bucket.names().find((name) => name === `${HOST}.${number}.tar.COMPLETE`);
    const { volumes } = JSON.parse(gunzipSync(bucket.read(complete ?? '')).toString()) as PlainManifest;
    const bytes = volumes.reduce((sum, volume) => sum + volume.bytes, 0);
    t.diagnostic(
      `#${number}: ${sentBytes} of ${bytes} bytes sent, ${ofKind('b2_copy_file').length} of ${volumes.length} volumes copied`,
    );
    const pieces: Buffer[] = [];
    for (const { name } of volumes) pieces.push(await gpg.decrypt(bucket.read(name), PASSPHRASE));
    assert.ok(Buffer.concat(pieces).equals(await backuppc.tarCreate(HOST, number)));
    return { sentBytes, bytes, volumes: volumes.length, copies: ofKind('b2_copy_file').length };
  }

  it('a full one: everything is sent', async (t) => {
    const { sentBytes, bytes, copies } = await archive(0, t);
    assert.ok(sentBytes > bytes);
    assert.equal(copies, 0);
  });

  it('an incremental one that BackupPC keeps as differences: hardly anything', async (t) => {
    const { sentBytes, bytes, volumes, copies } = await archive(1, t);
    assert.ok(sentBytes < bytes / 10, `${sentBytes} of ${bytes} bytes`);
    assert.ok(copies > volumes / 2);
  });

  it('the newest one, which is filled: hardly anything', async (t) => {
    const { sentBytes, bytes, volumes, copies } = await archive(2, t);
    assert.ok(sentBytes < bytes / 10, `${sentBytes} of ${bytes} bytes`);
    assert.ok(copies > volumes / 2);
  });
});
