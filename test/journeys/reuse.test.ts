/** `--reuse`: the whole program as a process, twice and more over one host; what it sends, what it has B2 copy, and how it opens by hand. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GpgHome } from '../support/gpg.js';
import { seededRandom } from '../support/b2-server/random.js';
import { BUCKET, Journey, PASSPHRASE, type Ended } from './harness.js';

const HOST = 'web';
const KNOWN = `${HOST}.${BUCKET}.known`;

describe('archives of little volumes', () => {
  let journey: Journey;
  let tree: string;

  beforeEach(async () => {
    journey = await Journey.begin();
    tree = join(journey.directory, 'tree');
    const random = seededRandom(11);
    for (let i = 0; i < 120; i++) {
      const directory = join(tree, `d${i % 8}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(
        join(directory, `f${i}`),
        randomFillSync(Buffer.alloc(Math.floor(80_000 * random() ** 2))),
      );
    }
    writeFileSync(join(tree, 'd3', 'mailbox'), randomFillSync(Buffer.alloc(3_000_000)));
  });
  afterEach(async () => {
    await journey.end();
  });

  const archive = (
    number: number,
    flags: readonly string[] = [],
    compPath = '/bin/cat',
    compExt = '',
  ): Promise<Ended> =>
    journey.archiveHost([
      '--reuse',
      '--reuse-volume',
      '128K',
      ...flags,
      ...journey.positionals(journey.tarOf(tree), { host: HOST, number: String(number), compPath, compExt }),
    ]).ended;

  const stored = async (number: number, flags: readonly string[] = []): Promise<Ended> => {
    const ended = await archive(number, flags);
    assert.equal(ended.status, 0, ended.output);
    assert.deepEqual(journey.server.defects, []);
    return ended;
  };

  const tarOfTree = (): Buffer =>
    execFileSync('tar', ['-C', tree, '--sort=name', '-cf', '-', '.'], { maxBuffer: 2 ** 30 });

  const volumes = (number: number): string[] =>
    journey.server
      .bucket(BUCKET)
      .names()
      .filter((name) => name.startsWith(`${HOST}.${number}.tar`) && name.includes('/'));

  /** Volumes that arrived as uploads. */
  const uploads = (): number =>
    journey.server.requests.filter(
      ({ operation, fileName }) => operation === 'b2_upload_file' && fileName?.includes('/') === true,
    ).length;
  const copies = (): number =>
    journey.server.requests.filter(({ operation }) => operation === 'b2_copy_file').length;

  /** By hand, as docs/format.md says. */
  const byHand = async (number: number, unpack = 'cat'): Promise<Buffer> => {
    const gpg = new GpgHome();
    const folder = join(journey.directory, `by-hand-${number}`);
    try {
      mkdirSync(folder);
      for (const name of volumes(number))
        writeFileSync(join(folder, name.split('/')[1] ?? ''), journey.server.bucket(BUCKET).read(name));
      const plain: Buffer[] = [];
      for (const name of readdirSync(folder).sort())
        plain.push(await gpg.decrypt(readFileSync(join(folder, name)), PASSPHRASE));
      return execFileSync('sh', ['-c', unpack], { input: Buffer.concat(plain), maxBuffer: 2 ** 30 });
    } finally {
      gpg.remove();
      rmSync(folder, { recursive: true });
    }
  };

  it('the second archive has the first one copied, the third sends what changed; each is whole by itself', async () => {
    await stored(1);
    assert.ok(volumes(1).length > 25, `${volumes(1).length} volumes`);
    assert.equal(statSync(join(journey.outLoc, KNOWN)).mode & 0o777, 0o600);
    const first = uploads();
    await stored(2);
    assert.equal(copies(), volumes(1).length);
    assert.equal(uploads(), first, 'no volume is sent');
    const before = tarOfTree();
    assert.ok((await byHand(1)).equals(before));
    assert.ok((await byHand(2)).equals(before));

    writeFileSync(join(tree, 'd5', 'f5'), 'changed\n');
    const second = uploads();
    const ended = await stored(3);
    assert.ok(uploads() - second <= 6, `${uploads() - second} uploads`);
    assert.match(ended.output, /sent .*, copied .* in B2/);
    assert.ok((await byHand(3)).equals(tarOfTree()));
    // The earlier ones may go: nothing refers to them.
    for (const version of journey.server.bucket(BUCKET).versions())
      assert.ok(version.fileInfo['bb2-run'] !== undefined);
  });

  for (const [name, compPath, compExt, unpack] of [
    ['gzip', '/bin/gzip', '.gz', 'gzip -dc'],
    ['zstd', '/usr/bin/zstd', '.zst', 'zstd -dc'],
  ] as const) {
    it(`volumes are ${name} streams of their own, and joined they are one`, async () => {
      assert.equal((await archive(1, [], compPath, compExt)).status, 0);
      assert.ok(volumes(1).every((volume) => volume.startsWith(`${HOST}.1.tar${compExt}/`)));
      assert.ok((await byHand(1, unpack)).equals(tarOfTree()));
      const count = uploads();
      assert.equal((await archive(2, [], compPath, compExt)).status, 0);
      assert.equal(uploads(), count);
      assert.ok((await byHand(2, unpack)).equals(tarOfTree()));
    });
  }

  it('another codec, another passphrase, a lost or damaged state file: everything is sent once, and the log says why', async () => {
    await stored(1);
    const sends = async (number: number, flags: readonly string[], reason: RegExp): Promise<void> => {
      const [uploaded, copied] = [uploads(), copies()];
      const ended = await stored(number, flags);
      assert.match(ended.output, reason);
      assert.equal(copies(), copied);
      assert.equal(uploads() - uploaded, volumes(number).length);
      assert.ok(tarOfTree().length > 0);
    };
    await sends(2, ['--compress', 'gzip:1'], /compression was none, is gzip/);
    const other = journey.write('other', 'another passphrase\n', 0o600);
    await sends(3, ['--compress', 'gzip:1', '--passphrase-file', other], /passphrases or recipients/);
    writeFileSync(join(journey.outLoc, KNOWN), 'rubbish\n');
    await sends(4, [], /cannot be used .*is sent in full/);
    rmSync(join(journey.outLoc, KNOWN));
    await sends(5, [], /finished/);
  });

  const badDays: [day: string, fault: string, inTheLog: RegExp | undefined][] = [
    [
      'an earlier volume is gone',
      'copy_file=404:not_found@2',
      /1 volume was sent instead of copied: the earlier volume is gone/,
    ],
    ['B2 is busy for a moment', 'copy_file=503@2,5', undefined],
    ['answers are lost', 'copy_file=lost@/4', undefined],
    ['connections break', 'copy_file=reset-after@3,4', undefined],
    [
      'a copy has another SHA-1',
      'copy_file=wrong-sha1@2',
      /1 volume was sent instead of copied: B2's copy has SHA-1/,
    ],
    [
      'the key may not copy',
      'copy_file=401:unauthorized',
      /volumes were sent instead of copied: .*unauthorized/,
    ],
  ];
  for (const [day, fault, inTheLog] of badDays) {
    it(`${day}: the archive is whole, and nothing is left beside it`, async () => {
      await stored(1);
      journey.server.faults.add(fault);
      const ended = await stored(2);
      assert.deepEqual(journey.server.faults.unfired, []);
      if (inTheLog === undefined) assert.doesNotMatch(ended.output, /instead of copied/);
      else assert.match(ended.output, inTheLog);
      assert.ok((await byHand(2)).equals(tarOfTree()));
      const versions = journey.server.bucket(BUCKET).versions();
      assert.equal(new Set(versions.map(({ fileName }) => fileName)).size, versions.length);
    });
  }

  it('a program that is no tar is cut by content; what it prints again is known', async () => {
    const dump = journey.write('dump', randomFillSync(Buffer.alloc(2_000_000)));
    const run = (number: number): Promise<Ended> =>
      journey.start(
        'backuppc-b2',
        [
          ...['archive', '--host', 'db', '--number', String(number), '--reuse', '--reuse-volume', '128K'],
          ...[...journey.flags, '--endpoint', journey.server.url, '--bucket', BUCKET],
          ...[
            '--passphrase-file',
            journey.passphraseFile,
            '--state-dir',
            journey.outLoc,
            '--compress',
            'none',
          ],
          ...['--', 'cat', dump],
        ],
        {},
      ).ended;
    assert.equal((await run(1)).status, 0);
    const sent = uploads();
    const ended = await run(2);
    assert.equal(ended.status, 0, ended.output);
    assert.equal(uploads(), sent, ended.output);
  });
});
