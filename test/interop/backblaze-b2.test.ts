/** Debian's `backblaze-b2` command (its own client, older than b2sdk) against our B2 server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { BACKBLAZE_B2, needPrograms } from '../support/debian.js';
import { noise } from './tree.js';

/** This version knows Backblaze's own addresses only; the first argument takes the place of the production one. */
const LAUNCHER = `
import sys
from b2.account_info.abstract import AbstractAccountInfo
AbstractAccountInfo.REALM_URLS['production'] = sys.argv.pop(1)
from b2.console_tool import main
sys.exit(main())
`;

async function withCommand(
  run: (b2: B2Server, directory: string, command: (...args: string[]) => Promise<string>) => Promise<void>,
): Promise<void> {
  const b2 = await startB2Server({ buckets: ['test-bucket'], limits: { recommendedPartBytes: 5_000_000 } });
  const directory = mkdtempSync(join(tmpdir(), 'interop-cli-'));
  const command = async (...args: string[]): Promise<string> => {
    const env = {
      ...process.env,
      HOME: directory,
      B2_ACCOUNT_INFO: join(directory, 'account'),
      LC_ALL: 'C.UTF-8',
    };
    const { stdout } = await promisify(execFile)(
      '/usr/bin/python3',
      ['-W', 'ignore', '-c', LAUNCHER, b2.url, ...args],
      { env },
    );
    return stdout;
  };
  try {
    await command('authorize-account', b2.keyId, b2.key);
    await run(b2, directory, command);
    assert.deepEqual(b2.defects, []);
  } finally {
    await b2.close();
    rmSync(directory, { recursive: true });
  }
}

describe('backblaze-b2', { skip: needPrograms([BACKBLAZE_B2]), concurrency: true }, () => {
  test('uploads, lists, downloads, hides and deletes', () =>
    withCommand(async (b2, directory, command) => {
      const [source, target] = [join(directory, 'source'), join(directory, 'target')];
      for (const content of [noise(1000, 30), noise(17_000_000, 31)]) {
        writeFileSync(source, content);
        await command('upload-file', '--noProgress', 'test-bucket', source, 'dir/Größe');
        await command('download-file-by-name', '--noProgress', 'test-bucket', 'dir/Größe', target);
        assert.ok(readFileSync(target).equals(content));
      }
      assert.match(await command('ls', 'test-bucket'), /^dir\/$/m);
      assert.match(
        await command('ls', '--long', '--versions', 'test-bucket', 'dir'),
        /17000000 .*dir\/Größe/,
      );
      await command('hide-file', 'test-bucket', 'dir/Größe');
      assert.equal(await command('ls', 'test-bucket', 'dir'), '');
      for (const { fileName, fileId } of b2.bucket('test-bucket').versions())
        await command('delete-file-version', fileName, fileId);
      assert.deepEqual(b2.bucket('test-bucket').versions(), []);
    }));

  test('buckets, keys, unfinished files, refusals', () =>
    withCommand(async (b2, _, command) => {
      const bucketId = (await command('create-bucket', 'cli-bucket', 'allPrivate')).trim();
      assert.equal(b2.bucket('cli-bucket').bucketId, bucketId);
      await assert.rejects(command('create-bucket', 'test-bucket', 'allPrivate'), /already in use/i);
      const [keyId = '', key = ''] = (
        await command('create-key', '--bucket', 'cli-bucket', 'narrow', 'listBuckets,listFiles')
      )
        .trim()
        .split(' ');
      assert.match(await command('list-keys'), /narrow/);
      await command('delete-bucket', 'cli-bucket');
      await command('delete-key', keyId);
      await assert.rejects(command('authorize-account', keyId, key), /authoriz/i);
      await assert.rejects(command('get-file-info', 'nonsense'), /Invalid fileId/);
    }));
});
