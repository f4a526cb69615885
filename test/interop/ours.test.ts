/** What our uploader stores, rclone and gpg read; what rclone stores, we read. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { openB2 } from '../../src/b2/open.js';
import type { ObjectStore } from '../../src/store.js';
import { BUCKET, Journey, PASSPHRASE } from '../journeys/harness.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { needPrograms, RCLONE } from '../support/debian.js';
import { GpgHome } from '../support/gpg.js';
import { assertSameTree, noise, readTree, writeTree } from './tree.js';

function rclone(b2: B2Server, ...args: string[]): Promise<unknown> {
  const account = ['--b2-endpoint', b2.url, '--b2-account', b2.keyId, '--b2-key', b2.key];
  return promisify(execFile)('rclone', [
    '--config',
    '/dev/null',
    ...account,
    '--b2-chunk-size',
    '5Mi',
    '--b2-upload-cutoff',
    '5Mi',
    ...args,
  ]);
}

async function content(store: ObjectStore, fileName: string): Promise<Buffer> {
  for await (const version of store.listVersions(fileName)) {
    if (version.fileName !== fileName || version.action !== 'upload') continue;
    const pieces: Uint8Array[] = [];
    for await (const piece of store.download(version.fileId, { from: 0, to: version.contentLength }))
      pieces.push(Uint8Array.from(piece));
    return Buffer.concat(pieces);
  }
  throw new Error(`no ${fileName}`);
}

describe('our uploader and other readers', { skip: needPrograms([RCLONE]), concurrency: true }, () => {
  test('an archive made by the program is copied out by rclone, opened by gpg and unpacked by tar', async () => {
    const journey = await Journey.begin();
    const gpg = new GpgHome();
    try {
      const [source, copy, restored] = ['source', 'copy', 'restored'].map((name) =>
        join(journey.directory, name),
      ) as [string, string, string];
      const tree = {
        'a/small': noise(1000, 40),
        'a/large': noise(26_000_000, 41),
        Größe: noise(3_000_000, 42),
      };
      writeTree(source, tree);
      mkdirSync(restored);
      const { status, output } = await journey.archiveHost(
        journey.positionals(journey.tarOf(source), { splitSize: '12000000' }),
      ).ended;
      assert.equal(status, 0, output);

      await rclone(journey.server, 'copy', `:b2:${BUCKET}`, copy);
      const files = readTree(copy);
      assertSameTree(
        files,
        Object.fromEntries(
          journey.server
            .bucket(BUCKET)
            .names()
            .map((name) => [name, journey.server.bucket(BUCKET).read(name)]),
        ),
      );
      const volumes = Object.keys(files)
        .filter((name) => /\.[a-z]{2}\.gpg$/.test(name))
        .sort();
      assert.ok(volumes.length > 2, volumes.join(' '));
      const tar = join(journey.directory, 'restored.tar');
      const plain: Buffer[] = [];
      for (const name of volumes) plain.push(await gpg.decrypt(readFileSync(join(copy, name)), PASSPHRASE));
      journey.write('restored.tar', Buffer.concat(plain));
      await promisify(execFile)('tar', ['-C', restored, '-xf', tar]);
      assertSameTree(readTree(restored), tree);
    } finally {
      gpg.remove();
      await journey.end();
    }
  });

  test('the folder of the second --reuse archive is copied out by rclone and opened by hand: gpg, zstd, tar', async () => {
    const journey = await Journey.begin();
    const gpg = new GpgHome();
    try {
      const [source, copy, restored] = ['source', 'copy', 'restored'].map((name) =>
        join(journey.directory, name),
      ) as [string, string, string];
      const tree = { 'a/small': noise(1000, 45), 'a/large': noise(3_000_000, 46), Größe: noise(300_000, 47) };
      writeTree(source, tree);
      mkdirSync(restored);
      for (const number of ['1', '2']) {
        const words = journey.positionals(journey.tarOf(source), {
          host: 'web',
          number,
          compPath: '/usr/bin/zstd',
          compExt: '.zst',
        });
        const { status, output } = await journey.archiveHost(['--reuse', '--reuse-volume', '128K', ...words])
          .ended;
        assert.equal(status, 0, output);
      }
      assert.ok(journey.server.requests.some(({ operation }) => operation === 'b2_copy_file'));

      await rclone(journey.server, 'copy', `:b2:${BUCKET}/web.2.tar.zst`, copy);
      const volumes = Object.keys(readTree(copy));
      assert.ok(volumes.length > 10, volumes.join(' '));
      const decrypt = `gpg --homedir '${gpg.path}' --batch --quiet --pinentry-mode loopback --passphrase-file '${journey.passphraseFile}' --decrypt`;
      // As docs/reuse.md has it.
      await promisify(execFile)('sh', [
        '-c',
        `for volume in '${copy}'/*.gpg; do ${decrypt} "$volume"; done | zstd -dc | tar -C '${restored}' -xpf -`,
      ]);
      assertSameTree(readTree(restored), tree);
    } finally {
      gpg.remove();
      await journey.end();
    }
  });

  test('what rclone uploads, small and large, our store lists and reads', async () => {
    const b2 = await startB2Server({ buckets: ['test-bucket'] });
    const directory = mkdtempSync(join(tmpdir(), 'interop-ours-'));
    const tree = { 'dir/small ä': noise(1000, 43), 'dir/large': noise(17_000_000, 44) };
    try {
      writeTree(directory, tree);
      await rclone(b2, 'copy', directory, ':b2:test-bucket');
      const store = await openB2({
        endpoint: b2.url,
        keyId: b2.keyId,
        key: b2.key,
        bucket: 'test-bucket',
      });
      try {
        const read = await Promise.all(
          Object.keys(tree).map(async (name) => [name, await content(store, name)] as const),
        );
        assertSameTree(Object.fromEntries(read), tree);
      } finally {
        await store.close();
      }
    } finally {
      await b2.close();
      rmSync(directory, { recursive: true });
    }
  });
});
