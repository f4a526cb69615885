/** What the restore script shows on a terminal while it works, and that nobody else sees it. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { restoreScript } from '../../src/catalog/restore-script.js';
import { skipWithout } from '../support/debian.js';
import { onTerminal } from '../support/pseudo-terminal.js';
import { makeArchive, PASSPHRASE, type MadeArchive } from './archive.js';
import { downloadServer, type DownloadServer } from './download-server.js';
import { planFor, runScript } from './run.js';
import { shellName, SHELLS } from './shells.js';

const DRAWN = '\r\u001b[K';

describe('restore script on a terminal', { skip: skipWithout('script') }, () => {
  let archive: MadeArchive;
  let server: DownloadServer;
  let script: string;
  let passphrase: string;
  let nth = 0;

  before(async () => {
    archive = makeArchive({ volumeBytes: 120_000, partBytes: 50_000 });
    server = await downloadServer();
    script = join(archive.directory, 'restore.sh');
    passphrase = join(archive.directory, 'passphrase');
    writeFileSync(passphrase, PASSPHRASE);
    writeFileSync(script, restoreScript(planFor(archive, server, { host: 'web' })));
  });
  after(async () => {
    await server.close();
    archive.dispose();
  });

  const LINE: Readonly<Record<number, RegExp>> = {
    40: /\u001b\[K[1-9]\d %, \d[\d.]* [KM]?i?B\/s(, \d+ s left)?, \d+ s elapsed$/,
    100: /\u001b\[K#+\.+ [1-9]\d %, \d[\d.]* [KM]?i?B\/s, (\d+ [sm][ \d]*s? left, )?\d+ s elapsed, [\d.]+ KiB of [\d.]+ KiB, web #1$/,
  };
  for (const shell of SHELLS)
    for (const columns of [40, 100])
      test(`${shellName(shell)}, ${columns} columns: percent, rate, time left and elapsed, erased at the end`, async () => {
        let release = (): void => undefined;
        server.release = new Promise((resolve) => {
          release = resolve;
        });
        server.requests = [];
        server.fault = (request) => (request === 5 ? 'held' : 'none');
        const file = join(archive.directory, `out ${++nth}.tar`);
        const words = [...shell, script, '--passphrase-file', passphrase, '-o', file];
        const seen = onTerminal(words, { ...process.env, ...archive.environment, TERM: 'xterm' }, columns);
        const shown = await seen.saw(/\u001b\[K[^\r]*% *,[^\r]* elapsed[^\r]*(?=\r)/);
        release();
        const { status, output } = await seen.ended;
        assert.equal(status, 0, output);
        assert.match(shown, LINE[columns] ?? /never/);
        assert.ok(readFileSync(file).equals(archive.tar));
        const states = output.replaceAll('\r\n', '\n').split('\n');
        for (const state of states.flatMap((line) => line.split(DRAWN)))
          assert.ok(state.length < columns || state.startsWith('done'), state);
        assert.match(states.map((line) => line.split(DRAWN).at(-1)).join('\n'), /^done: web #1, [^%]*\n$/);
      });

  test('-q, a dumb terminal, and a log: nothing of it', async () => {
    server.fault = () => 'none';
    const run = (term: string, ...words: string[]): Promise<{ status: number | null; output: string }> =>
      onTerminal(['sh', script, '--passphrase-file', passphrase, ...words, '-t'], {
        ...process.env,
        ...archive.environment,
        TERM: term,
      }).ended;
    for (const { status, output } of [await run('xterm', '-q'), await run('dumb')]) {
      assert.equal(status, 0, output);
      assert.match(output, /share\/random/);
      assert.ok(!output.includes('elapsed') && !output.includes(DRAWN));
    }
    const logged = await runScript('sh', archive, planFor(archive, server), ['-o', '-']);
    assert.equal(logged.status, 0);
    assert.match(logged.stderr, /^volume 1 of \d+: /);
    assert.ok(!logged.stderr.includes('\r'));
  });
});
