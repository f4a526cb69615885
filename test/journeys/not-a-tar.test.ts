/** What `archive … -- pg_dumpall` stores is no tar: it is verified, restored and scripted all the same. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { BUSYBOX_ALONE } from '../restore-script/shells.js';
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

  const scriptSays = ([program, ...words]: readonly [string, ...string[]]): Promise<{
    readonly code: number | null;
    readonly stderr: string;
  }> =>
    new Promise((resolve) => {
      const env = {
        ...process.env,
        B2_APPLICATION_KEY_ID: journey.server.keyId,
        B2_APPLICATION_KEY: journey.server.key,
      };
      const child = execFile(program, words, { env }, (_error, _stdout, stderr) => {
        resolve({ code: child.exitCode, stderr });
      });
    });

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

      // Nothing of tar's own words, and nothing left.
      const into = join(journey.directory, `${host}.into`);
      const unpacked = await run('restore', '--host', host, '-C', into);
      assert.equal(unpacked.status, 2, unpacked.output);
      assert.match(
        unpacked.output,
        /^(volume .*\n)*backuppc-b2: hint: -o FILE .*\nbackuppc-b2: .* is no tar\n$/,
      );
      const words = [script, '--passphrase-file', journey.passphraseFile];
      for (const [shell, ...shellWords] of [['sh'], ...BUSYBOX_ALONE] as const)
        for (const what of [['-C', into], ['-t']]) {
          const ended = await scriptSays([shell, ...shellWords, ...words, '-q', ...what]);
          assert.equal(ended.code, 1, `${shell} ${what.join(' ')}: ${ended.stderr}`);
          assert.match(
            ended.stderr,
            /^restore of .* failed: what is in this archive is no tar: -o FILE .*\n$/,
          );
        }
      assert.deepEqual([existsSync(into), existsSync(`${into}.incomplete`)], [false, false]);
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
