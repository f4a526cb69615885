/** `-k` without a terminal and with nothing on stdin, as cron runs it: gpg 2.4 would ask for the passphrase first, and fail. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScriptPlan } from '../../src/catalog/restore-script.js';
import { piecesOf } from '../../src/catalog/restore-script.js';
import { sealVolume, smallEngine } from '../sealing/sealed-volume.js';
import { makeArchive, PASSPHRASE, sha1 } from './archive.js';
import { downloadServer } from './download-server.js';
import { planFor, runScript } from './run.js';

for (const [what, passwords] of [
  ['a passphrase and a recipient', [PASSPHRASE]],
  ['a recipient alone', []],
] as const)
  test(`${what}: gpg's secret key opens it, and no other key does`, async () => {
    const archive = makeArchive({ volumeBytes: 1 << 30, partBytes: 1 << 30, fileBytes: 100_000 });
    const server = await downloadServer();
    try {
      const gpg = (...words: string[]): Buffer =>
        execFileSync('gpg', ['--batch', '--quiet', ...words], { env: archive.environment });
      gpg('--passphrase', '', '--quick-gen-key', 'restore@example', 'default', 'default', 'never');
      const key = { name: 'key', contents: gpg('--export', 'restore@example') };
      const engine = await smallEngine({ profile: 'librepgp', passwords, recipients: [key] });
      const half = Math.floor(archive.tar.length / 2);
      const volumes: ScriptPlan['volumes'][number][] = [];
      for (const [index, data] of [archive.tar.subarray(0, half), archive.tar.subarray(half)].entries()) {
        const { message } = await sealVolume(engine, data);
        const name = `web.1.tar.a${'ab'[index] ?? ''}.gpg`;
        server.files.set(name, message);
        const pieces = piecesOf(message.length, [[message.length, sha1(message)]], undefined);
        volumes.push({ name, fileId: name, encrypted: true, pieces });
      }
      await engine.close();
      const plan = { ...planFor(archive, server), volumes };
      const without = ['setsid', '--wait', 'sh'] as const;
      const opened = await runScript(without, archive, plan, ['-k', '-o', '-']);
      assert.equal(opened.status, 0, opened.stderr);
      assert.ok(opened.stdout.equals(archive.tar));
      assert.doesNotMatch(opened.stderr, /ioctl|passphrase/);

      const elsewhere = join(archive.directory, 'nobody');
      execFileSync('mkdir', ['-m', '700', elsewhere]);
      writeFileSync(join(elsewhere, 'gpg.conf'), 'no-autostart\n');
      const refused = await runScript(without, archive, plan, ['-k', '-o', '-'], {
        environment: { GNUPGHOME: elsewhere },
      });
      assert.equal(refused.status, 1, refused.stderr);
      assert.match(
        refused.stderr,
        /failed: .*: (no secret key of gpg's keyring opens it|gpg cannot decrypt it)/,
      );
    } finally {
      await server.close();
      archive.dispose();
    }
  });
