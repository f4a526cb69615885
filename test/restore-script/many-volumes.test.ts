/** Archives of many small volumes: one curl for many of them, one S2K for all that share their key packets. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { piecesOf, shellQuote, type ScriptPlan } from '../../src/catalog/restore-script.js';
import { sealVolume, smallEngine } from '../sealing/sealed-volume.js';
import { makeArchive, PASSPHRASE, sha1, type MadeArchive } from './archive.js';
import { downloadServer, type DownloadServer, type Fault } from './download-server.js';
import { planFor, runScript } from './run.js';
import { shellName, SHELLS } from './shells.js';

const COUNT = 12;

describe('restore script of many small volumes', () => {
  let archive: MadeArchive;
  let server: DownloadServer;
  let plan: ScriptPlan;

  before(async () => {
    archive = makeArchive({ volumeBytes: 1 << 30, partBytes: 1 << 30, fileBytes: 200_000 });
    server = await downloadServer();
    // Two runs have sealed them, each with a key packet of its own.
    const engines = [
      await smallEngine({ profile: 'librepgp', passwords: [PASSPHRASE] }),
      await smallEngine({ profile: 'librepgp', passwords: [PASSPHRASE] }),
    ] as const;
    const step = Math.ceil(archive.tar.length / COUNT);
    const volumes: ScriptPlan['volumes'][number][] = [];
    for (let index = 0; index < COUNT; index++) {
      const data = archive.tar.subarray(index * step, (index + 1) * step);
      const { message } = await sealVolume(engines[index % 2 === 0 ? 0 : 1], data);
      const name = `Grüße.1.tar/${String(index).padStart(6, '0')}.gpg`;
      server.files.set(name, message);
      volumes.push({
        name,
        fileId: name,
        encrypted: true,
        pieces: piecesOf(message.length, undefined, sha1(message)),
      });
    }
    for (const engine of engines) await engine.close();
    plan = { ...planFor(archive, server), volumes };
  });
  after(async () => {
    await server.close();
    archive.dispose();
  });
  const fresh = (): void => {
    server.fault = () => 'none';
    server.requests = [];
    server.connections = 0;
  };

  for (const shell of SHELLS) {
    test(`under ${shellName(shell)}: over one connection; what arrives damaged is fetched again on its own`, async () => {
      fresh();
      const whole = await runScript(shell, archive, plan, ['-o', '-']);
      assert.equal(whole.status, 0, whole.stderr);
      assert.ok(whole.stdout.equals(archive.tar));
      assert.equal(server.requests.length, COUNT);
      assert.equal(server.connections, 1);
      assert.deepEqual(whole.leftBehind, []);

      fresh();
      const faults: readonly Fault[] = ['none', '503', 'none', 'flip', '429', 'none', 'cut', 'none'];
      server.fault = (request) => faults[request % faults.length] ?? 'none';
      const unsteady = await runScript(shell, archive, plan, ['--keep-going', '-o', '-']);
      assert.equal(unsteady.status, 0, unsteady.stderr);
      assert.ok(unsteady.stdout.equals(archive.tar));
    });
  }

  test('gone, or damaged for good: reported like any other volume', async () => {
    fresh();
    server.fault = (_request, name) => (name.includes('000003') ? '404' : 'none');
    const gone = await runScript('sh', archive, plan, ['-o', '-']);
    assert.equal(gone.status, 1);
    assert.match(
      gone.stderr,
      /failed: download of volume 4 \(Gr%C3%BC%C3%9Fe\.1\.tar\/000003\.gpg\): HTTP 404/,
    );
    server.fault = (_request, name) => (name.includes('000003') ? 'flip' : 'none');
    const damaged = await runScript('sh', archive, plan, ['-q', '--keep-going', '-t']);
    assert.equal(damaged.status, 11, damaged.stderr);
    assert.match(damaged.stderr, /volume\(s\) 4 of 12 are damaged or gone/);
  });

  test('the passphrase opens the first two volumes of each run, their session key the others; nothing of it is seen', async () => {
    fresh();
    const bin = join(archive.directory, 'noting');
    mkdirSync(bin);
    const log = join(bin, 'log');
    for (const tool of ['curl', 'gpg']) {
      const real = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
      writeFileSync(
        join(bin, tool),
        `#!/bin/sh\n{ echo "$0 $*"; env; } >>${shellQuote(log)}\nexec ${real} "$@"\n`,
        { mode: 0o755 },
      );
    }
    const { status, stderr } = await runScript('sh', archive, plan, ['-o', '-'], {
      environment: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });
    assert.equal(status, 0, stderr);
    const seen = readFileSync(log, 'utf8');
    assert.equal(seen.match(/--passphrase-fd/g)?.length, 4);
    assert.equal(seen.match(/--override-session-key-fd 3/g)?.length, COUNT - 2);
    assert.equal(seen.match(/^\S+\/curl /gm)?.length, 1);
    assert.ok(!seen.includes(PASSPHRASE.trim()));
    assert.doesNotMatch(seen + stderr, /9(\.\d)?:[0-9A-F]{64}/);
  });

  test('a volume that does not authenticate under the session key is reported, and its key is not shown', async () => {
    fresh();
    const last = plan.volumes.at(-1);
    assert.ok(last);
    const bytes = Buffer.from(server.files.get(last.name) ?? []);
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
    server.files.set('bad', bytes);
    const bad = { ...last, name: 'bad', pieces: [{ bytes: bytes.length, sha1: sha1(bytes) }] };
    const outcome = await runScript(
      'sh',
      archive,
      { ...plan, volumes: [...plan.volumes.slice(0, -1), bad] },
      ['-o', '-'],
    );
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /failed: decryption of volume 12 \(bad\): gpg cannot decrypt it/);
    assert.doesNotMatch(outcome.stderr, /[0-9A-F]{64}/);
  });
});
