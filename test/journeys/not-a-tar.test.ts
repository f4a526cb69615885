/** What `archive … -- pg_dumpall` stores is no tar: it is verified, restored and scripted all the same. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { BUCKET, Journey, type Ended } from './harness.js';

const ROWS = 'insert into t values (1);\n'.repeat(50_000);

describe('what is not a tar', () => {
  let journey: Journey;
  before(async () => {
    journey = await Journey.begin();
  });
  after(() => journey.end());

  const run = (command: string, ...words: string[]): Promise<Ended> =>
    journey.start('backuppc-b2', [
      command,
      ...['--endpoint', journey.server.url, '--bucket', BUCKET],
      ...['--passphrase-file', journey.passphraseFile, '--state-dir', journey.outLoc],
      ...words,
    ]).ended;
  async function must(command: string, ...words: string[]): Promise<string> {
    const { status, output } = await run(command, ...words);
    assert.equal(status, 0, output);
    return output;
  }

  for (const [host, contents, options] of [
    ['dump', () => Buffer.from(ROWS), ['--compress', 'gzip']],
    ['cut', () => Buffer.from(ROWS), ['--compress', 'gzip', '--reuse']],
    ['packed', () => promisify(gzip)(ROWS), ['--compress', 'none']],
    ['tiny', () => Buffer.from('1\n'), []],
    ['noise', () => randomFillSync(Buffer.alloc(100_000)), ['--compress', 'none']],
  ] as const)
    it(host, async () => {
      const source = join(journey.directory, `${host}.in`);
      const bytes = await contents();
      writeFileSync(source, bytes);
      await must('archive', '--host', host, '--number', '1', ...options, '--', 'cat', source);
      assert.match(await must('verify', '--deep', '--host', host), /: ok \(.*\)\n {2}it is no tar/);
      const restored = join(journey.directory, `${host}.out`);
      await must('restore', '--host', host, '-o', restored);
      assert.ok(readFileSync(restored).equals(bytes));

      const script = join(journey.directory, `${host}.sh`);
      await must('script', '--host', host, '--no-token', '--output', script);
      assert.match(readFileSync(script, 'utf8'), /^tar_end=no$/m);
    });

  it('but a tar is still checked to its end', async () => {
    const cut = join(journey.directory, 'cut.tar');
    const { stdout } = spawnSync('tar', ['-cf', '-', '/etc/hostname'], { maxBuffer: 64 << 20 });
    writeFileSync(cut, stdout.subarray(0, 700));
    await must('archive', '--host', 'broken', '--number', '1', '--no-index', '--', 'cat', cut);
    const { status, output } = await run('verify', '--deep', '--host', 'broken');
    assert.equal(status, 11, output);
    assert.match(output, /the tar ends in the middle of a member/);
  });
});
