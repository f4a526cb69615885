/** `--reuse`: the whole program as a process, twice and more over one host; what it sends, what it has B2 copy, and how it opens by hand. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GpgHome } from '../support/gpg.js';
import { seededRandom } from '../support/b2-server/random.js';
import { BUCKET, Journey, PASSPHRASE, type Ended, type Running } from './harness.js';

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

  const begin = (
    number: number,
    flags: readonly string[] = [],
    over: Parameters<Journey['positionals']>[1] = {},
    env: NodeJS.ProcessEnv = {},
  ): Running => {
    const words = journey.positionals(journey.tarOf(tree), {
      host: HOST,
      compExt: '',
      ...over,
      number: String(number),
    });
    return journey.archiveHost(['--reuse', '--reuse-volume', '128K', ...flags, ...words], env);
  };
  const archive = (
    number: number,
    flags: readonly string[] = [],
    compPath = '/bin/cat',
    compExt = '',
  ): Promise<Ended> => begin(number, flags, { compPath, compExt }).ended;

  /** What is no tar. */
  const archiveCommand = (number: number, passphraseFile: string, dump: string): Promise<Ended> =>
    journey.start(
      'backuppc-b2',
      [
        ...['archive', '--host', 'db', '--number', String(number), '--reuse', '--reuse-volume', '128K'],
        ...[...journey.flags, '--endpoint', journey.server.url, '--bucket', BUCKET],
        ...['--passphrase-file', passphraseFile, '--state-dir', journey.outLoc, '--compress', 'none'],
        ...['--', 'cat', dump],
      ],
      {},
    ).ended;

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

  it('with --compress auto each volume has its level, and the next archive copies it all the same', async () => {
    const flags = ['--compress', 'auto', '--bwlimit', '2M'];
    const first = await stored(1, flags);
    assert.match(first.output, /compression zstd:auto/);
    assert.ok((await byHand(1, 'zstd -dc')).equals(tarOfTree()));
    const count = uploads();
    await stored(2, ['--compress', 'zstd:1']);
    assert.equal(uploads(), count);
    assert.equal(copies(), volumes(1).length);
    const words = journey.positionals(journey.tarOf(tree), { host: HOST, number: '3' });
    const sized = await journey.archiveHost(['--compress', 'auto', ...words]).ended;
    assert.equal(sized.status, 0, sized.output);
    assert.match(
      sized.output,
      /compression zstd:3.*\n.*without reuse an archive has one level of compression/,
    );
  });

  it('another codec, another passphrase: everything is sent once, and the log says why', async () => {
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
  });

  it('a lost or damaged state file, another machine: the newest archive tells what it has', async () => {
    await stored(1);
    const known = join(journey.outLoc, KNOWN);
    const copiesAll = async (number: number, flags: readonly string[], reason: RegExp): Promise<void> => {
      const [uploaded, copied] = [uploads(), copies()];
      const ended = await stored(number, flags);
      assert.match(ended.output, reason);
      assert.equal(uploads(), uploaded);
      assert.equal(copies() - copied, volumes(number).length);
      assert.ok((await byHand(number)).equals(tarOfTree()));
    };
    writeFileSync(known, 'rubbish\n', { mode: 0o600 });
    await copiesAll(2, [], /cannot be used[^]*what web #1 has is known again from its sealed manifest/);
    rmSync(known);
    await copiesAll(3, [], /what web #2 has is known again/);
    const elsewhere = join(journey.directory, 'another-machine');
    mkdirSync(elsewhere);
    await copiesAll(4, ['--state-dir', elsewhere], /what web #3 has is known again/);
    // And so the first machine, which knows #3 only, copies from there.
    await copiesAll(5, [], /finished/);
  });

  it('where no key opens the sealed manifests, a lost state file has everything sent once, and the log says why', async () => {
    const dump = journey.write('dump', randomFillSync(Buffer.alloc(1_000_000)));
    const first = await archiveCommand(1, journey.passphraseFile, dump);
    assert.equal(first.status, 0, first.output);
    rmSync(join(journey.outLoc, `db.${BUCKET}.known`));
    const uploaded = uploads();
    const ended = await archiveCommand(2, journey.write('other', 'another passphrase\n', 0o600), dump);
    assert.match(ended.output, /no earlier archive of db tells what it has \(#1: .*sends everything once/);
    assert.equal(copies(), 0);
    // Another key cuts at other places.
    assert.ok(uploads() > uploaded + 5);
  });

  it('what verify finds damaged is sent by the next archive, not copied', async () => {
    await stored(1);
    await stored(2);
    journey.server.bucket(BUCKET).flipBit(volumes(2)[5] ?? '', 300);
    const checked = await journey.start(
      'backuppc-b2',
      [
        ...['verify', '--host', HOST, '--number', '2', '--deep'],
        ...[...journey.flags, '--endpoint', journey.server.url, '--bucket', BUCKET],
        ...['--passphrase-file', journey.passphraseFile, '--state-dir', journey.outLoc],
      ],
      {},
    ).ended;
    assert.equal(checked.status, 11, checked.output);
    assert.match(checked.output, /the next archive sends 1 volume instead of copying/);
    const [uploaded, copied] = [uploads(), copies()];
    await stored(3);
    assert.equal(uploads() - uploaded, 1);
    assert.equal(copies() - copied, volumes(3).length - 1);
    assert.ok((await byHand(3)).equals(tarOfTree()));
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
      /1 volume was sent instead of copied: B2's copy differs \(SHA-1 /,
    ],
    [
      'the key may not copy',
      'copy_file=401:unauthorized',
      /volumes were sent instead of copied: B2 did not copy them \(the first: .*unauthorized/,
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

  it('the earlier archive is deleted while it is copied from: what is gone is sent, and the archive is whole', async () => {
    await stored(1);
    // Some time for the deletion.
    journey.server.faults.add('copy_file=delay:100@/2');
    const running = begin(2);
    await running.until(() => copies() >= 3);
    for (const name of journey.server.bucket(BUCKET).names())
      if (name.startsWith(`${HOST}.1.`)) journey.server.bucket(BUCKET).remove(name);
    const ended = await running.ended;
    assert.equal(ended.status, 0, ended.output);
    assert.match(ended.output, /sent instead of copied: the earlier volume is gone/);
    assert.ok((await byHand(2)).equals(tarOfTree()));
    journey.server.faults.clear();
    const count = uploads();
    await stored(3);
    assert.equal(uploads(), count);
  });

  for (const [what, shiftMs] of [
    ['years behind', -4e11],
    ['years ahead', 4e11],
  ] as const) {
    it(`a clock that is ${what}: B2's own counts ages, and everything is copied`, async () => {
      await stored(1);
      const code = `const now = Date.now; Date.now = () => now() + ${shiftMs};`;
      const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
      const count = uploads();
      for (const number of [2, 3]) {
        const ended = await begin(number, [], {}, env).ended;
        assert.equal(ended.status, 0, ended.output);
        assert.doesNotMatch(ended.output, /because of their age/);
      }
      assert.equal(uploads(), count);
      assert.ok((await byHand(3)).equals(tarOfTree()));
    });
  }

  it('hosts whose names begin with each other, and a state file under the wrong name: each knows its own', async () => {
    const hosts = ['web', 'web.1', 'web.1.tar.2'];
    const all = async (number: number): Promise<string[]> => {
      const outputs: string[] = [];
      for (const host of hosts) {
        writeFileSync(join(tree, 'd1', 'f1'), host);
        const ended = await begin(number, [], { host }).ended;
        assert.equal(ended.status, 0, ended.output);
        outputs.push(ended.output);
      }
      return outputs;
    };
    await all(1);
    const count = uploads();
    await all(2);
    assert.ok(uploads() - count <= 2 * hosts.length, 'no more than the changed file and its directory');
    // Lost: each is told again by its own archive.
    for (const host of hosts) rmSync(join(journey.outLoc, `${host}.${BUCKET}.known`));
    const again = await all(3);
    for (const [at, host] of hosts.entries())
      assert.ok(again[at]?.includes(`what ${host} #2 has is known again`), again[at]);
    copyFileSync(join(journey.outLoc, KNOWN), join(journey.outLoc, `db.${BUCKET}.known`));
    const ended = await begin(1, [], { host: 'db' }).ended;
    assert.equal(ended.status, 0, ended.output);
    assert.match(ended.output, /nothing of web #3 can be copied: it is of web in /);
  });

  it('a program that is no tar is cut by content; what it prints again is known', async () => {
    const dump = journey.write('dump', randomFillSync(Buffer.alloc(2_000_000)));
    const run = (number: number): Promise<Ended> => archiveCommand(number, journey.passphraseFile, dump);
    assert.equal((await run(1)).status, 0);
    const sent = uploads();
    const ended = await run(2);
    assert.equal(ended.status, 0, ended.output);
    assert.equal(uploads(), sent, ended.output);
  });
});
