/** A restore that breaks off and is started again: with --keep-pieces it goes on, from within a piece too. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { piecesOf, type ScriptPlan } from '../../src/catalog/restore-script.js';
import { gpgEncrypt, makeArchive, PASSPHRASE, sha1, type MadeArchive } from './archive.js';
import { downloadServer, type DownloadServer } from './download-server.js';
import { planFor, runScript, type Outcome } from './run.js';
import { shellName, SHELLS, type Shell } from './shells.js';

const PART = 50_000;

describe('restore script --keep-pieces', () => {
  let archive: MadeArchive;
  let server: DownloadServer;
  let plan: ScriptPlan;
  let nth = 0;
  const fresh = (name: string): string => join(archive.directory, `${name} ${++nth}`);
  const same = (directory: string): void => {
    assert.equal(spawnSync('diff', ['-r', archive.source, directory], { encoding: 'utf8' }).stdout, '');
  };

  before(async () => {
    archive = makeArchive({ compress: ['gzip', '-c'], volumeBytes: 120_000, partBytes: PART });
    server = await downloadServer();
    plan = planFor(archive, server, { decompress: ['gzip', '-dc'] });
  });
  after(async () => {
    await server.close();
    archive.dispose();
  });

  /** B2 serves so many requests, the last of them half. */
  async function cutShort(requests: number, shell: Shell, words: readonly string[]): Promise<Outcome> {
    server.requests = [];
    server.fault = (request) => (request < requests ? 'none' : request === requests ? 'cut' : '503');
    const outcome = await runScript(shell, archive, plan, words);
    server.fault = () => 'none';
    server.requests = [];
    return outcome;
  }
  const lastLine = ({ stderr }: Outcome): string => stderr.trim().split('\n').at(-1) ?? '';

  for (const shell of SHELLS)
    test(`under ${shellName(shell)}: the same command goes on, and leaves nothing but the directory`, async () => {
      const [keep, target] = [fresh('kept'), fresh('target')];
      const words = ['--keep-pieces', keep, '-C', target];
      const first = await cutShort(3, shell, words);
      assert.equal(first.status, 1, first.stderr);
      assert.match(first.stderr, /what has been fetched is in .*: the same command goes on from there\n/);
      assert.match(lastLine(first), /no progress in 10 tries/);
      assert.ok(!existsSync(target));
      const second = await runScript(shell, archive, plan, words);
      assert.equal(second.status, 0, second.stderr);
      same(target);
      const pieces = archive.volumes.flatMap(({ parts }) => parts).length;
      assert.equal(server.requests.length, pieces - 2);
      // From the middle of a piece.
      const from = Number(/\d+/.exec(server.requests[0]?.range ?? '')?.[0]);
      assert.ok(from > 2 * PART, String(from));
      assert.ok(!existsSync(keep));
      assert.ok(!existsSync(`${target}.incomplete`));
      assert.deepEqual([...first.leftBehind, ...second.leftBehind], []);
    });

  test('without it: begun anew, and a hint', async () => {
    const { status, stderr } = await cutShort(3, ['sh'], ['-o', '-']);
    assert.equal(status, 1);
    assert.match(stderr, /hint: with --keep-pieces DIR /);
  });

  test('a directory that was there, a file, a list: with pieces of whatever run', async () => {
    const [keep, target] = [fresh('kept'), fresh('target')];
    mkdirSync(target);
    assert.equal((await cutShort(4, ['sh'], ['--keep-pieces', keep, '-C', target])).status, 1);
    // Where tar had come to something.
    writeFileSync(join(target, 'RESTORE-INCOMPLETE'), 'A restore into this directory …\n');
    mkdirSync(join(target, 'share'), { recursive: true });
    writeFileSync(join(target, 'share', 'random'), 'half');
    const listed = await cutShort(1, ['sh'], ['--keep-pieces', keep, '-t']);
    assert.equal(listed.status, 1, listed.stderr);
    const file = fresh('file');
    const half = await cutShort(1, ['sh'], ['--keep-pieces', keep, '-o', file]);
    assert.equal(half.status, 1, half.stderr);
    assert.deepEqual([existsSync(file), existsSync(`${file}.part`)], [false, false]);
    const { status, stderr } = await runScript(['sh'], archive, plan, ['--keep-pieces', keep, '-C', target]);
    assert.equal(status, 0, stderr);
    same(target);
  });

  test('killed without a word, and the kept bytes damaged or cut by the power: fetched again', async () => {
    const [keep, target] = [fresh('kept'), fresh('target')];
    const words = ['--keep-pieces', keep, '-C', target];
    await cutShort(4, ['sh'], words);
    // What a killed run leaves: its process number, and what curl had written.
    writeFileSync(join(keep, 'running'), '999999999\n');
    const pieces = join(keep, 'pieces');
    const [whole = '', other = ''] = readdirSync(pieces).filter((name) => /^[0-9a-f]{40}$/.test(name));
    writeFileSync(join(pieces, whole), Buffer.alloc(PART));
    truncateSync(join(pieces, other), 10);
    const [part = ''] = readdirSync(pieces).filter((name) => name.endsWith('.part'));
    renameSync(join(pieces, part), join(pieces, part.replace('.part', '.more')));
    const { status, stderr } = await runScript(['sh'], archive, plan, words);
    assert.equal(status, 0, stderr);
    same(target);
    // Not that of the piece which curl had begun.
    const begins = server.requests.map(({ range }) => Number(/\d+/.exec(range)?.[0]) % PART);
    assert.ok(
      begins.some((from) => from !== 0),
      String(begins),
    );
    assert.ok(!existsSync(keep));
  });

  test('what another command has begun is left alone', async () => {
    const [keep, target] = [fresh('kept'), fresh('target')];
    await cutShort(4, ['sh'], ['--keep-pieces', keep, '-C', target]);
    // Where tar had not come to anything yet.
    mkdirSync(`${target}.incomplete`, { recursive: true });
    const refuses = async (reason: RegExp, more: Partial<ScriptPlan>, ...words: string[]): Promise<void> => {
      const outcome = await runScript(['sh'], archive, { ...plan, ...more }, words);
      assert.equal(outcome.status, 1, outcome.stderr);
      assert.match(lastLine(outcome), reason);
    };
    // Other members: what the first had begun would look whole.
    await refuses(/incomplete is there/, {}, '--keep-pieces', keep, '-C', target, '-x', './share/random');
    await refuses(/incomplete is there/, {}, '--keep-pieces', fresh('kept'), '-C', target);
    await refuses(/holds pieces of/, { number: 2 }, '--keep-pieces', keep, '-C', target);
    writeFileSync(join(keep, 'running'), `${process.pid}\n`);
    await refuses(/another restore works with/, {}, '--keep-pieces', keep, '-C', target);
    const strange = fresh('strange');
    mkdirSync(join(strange, 'pieces'), { recursive: true });
    await refuses(/is not empty/, {}, '--keep-pieces', strange, '-t');
    assert.ok(existsSync(join(strange, 'pieces')));
  });

  test('small volumes that came many at a time are kept as well', async () => {
    const step = Math.ceil(archive.tar.length / 8);
    const volumes = Array.from({ length: 8 }, (_, index) => {
      const data = archive.tar.subarray(index * step, (index + 1) * step);
      const bytes = gpgEncrypt(archive.environment, data, PASSPHRASE, 'none', archive.directory);
      const name = `small.1.tar/${index}.gpg`;
      server.files.set(name, bytes);
      return {
        name,
        fileId: name,
        encrypted: true,
        pieces: piecesOf(bytes.length, undefined, sha1(bytes)),
      };
    });
    const small = { ...plan, volumes, decompress: undefined };
    const words = ['--keep-pieces', fresh('kept'), '-o', '-'];
    server.requests = [];
    server.fault = (request) => (request < 6 ? 'none' : '503');
    const first = await runScript(['sh'], archive, small, words);
    assert.equal(first.status, 1, first.stderr);
    server.fault = () => 'none';
    server.requests = [];
    const second = await runScript(['sh'], archive, small, words);
    assert.equal(second.status, 0, second.stderr);
    assert.ok(second.stdout.equals(archive.tar));
    assert.equal(server.requests.length, 3);
  });
});
