/** The restore script by the member index: `-t` reads that alone, `-x` the volumes that hold what is asked for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hasBusyboxTar, shellName, SHELLS } from '../restore-script/shells.js';
import { BUCKET, Journey, type Ended } from './harness.js';

const ODD = 'tab\tline\nback\\slash';
const ODD_SHOWN = 'tab\\tline\\nback\\\\slash';

describe('restore script by the member index', () => {
  let journey: Journey;
  let tree: string;
  let nth = 0;

  before(async () => {
    journey = await Journey.begin();
    tree = join(journey.directory, 'tree');
    for (let i = 0; i < 24; i++) {
      const directory = join(tree, `d${i % 6}`, 'sub');
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `f${i}`), randomFillSync(Buffer.alloc(40_000)));
    }
    mkdirSync(join(tree, 'etc'));
    mkdirSync(join(tree, 'etcetera'));
    writeFileSync(join(tree, 'etc', 'fstab'), 'UUID=1 / ext4\n');
    writeFileSync(join(tree, 'etc', ODD), 'odd');
    writeFileSync(join(tree, 'etc', 'Grüße'), 'umlauts');
    writeFileSync(join(tree, 'etcetera', 'x'), 'not below etc');
    writeFileSync(join(tree, 'huge'), randomFillSync(Buffer.alloc(500_000)));
    mkdirSync(join(tree, 'z'));
    linkSync(join(tree, 'etc', 'fstab'), join(tree, 'z', 'hard'));
    for (const [host, flags] of [
      ['cut', ['--reuse', '--reuse-volume', '64K', '--compress', 'gzip']],
      ['plain', ['--reuse', '--reuse-volume', '64K']],
      ['wide', ['--reuse', '--reuse-volume', '1M', '--compress', 'gzip']],
      ['classic', ['--compress', 'gzip']],
    ] as const) {
      const words = journey.positionals(journey.tarOf(tree), { host });
      const { status, output } = await journey.archiveHost([...flags, ...words]).ended;
      assert.equal(status, 0, output);
    }
  });
  after(() => journey.end());

  const scripts = new Map<string, Promise<string>>();
  /** Made once for all tests that ask for the same. */
  const scriptOf = (host: string, ...more: readonly string[]): Promise<string> => {
    const asked = [host, ...more].join(' ');
    const script = scripts.get(asked) ?? newScript(host, more);
    scripts.set(asked, script);
    return script;
  };
  const newScript = async (host: string, more: readonly string[]): Promise<string> => {
    const file = join(journey.directory, `${host}-${++nth}.sh`);
    const { status, output } = await journey.start('backuppc-b2', [
      ...['script', '--host', host, '--endpoint', journey.server.url, '--bucket', BUCKET, '--output', file],
      ...['--passphrase-file', journey.passphraseFile, ...more],
    ]).ended;
    assert.equal(status, 0, output);
    return file;
  };

  interface Told extends Ended {
    /** Names of the objects that were fetched. */
    readonly fetched: readonly string[];
    readonly bytes: number;
  }

  const run = async (shell: readonly string[], file: string, words: readonly string[]): Promise<Told> => {
    const before = journey.server.requests.length;
    const ended = await journey.start(
      file,
      ['--passphrase-file', journey.passphraseFile, ...words],
      { PATH: process.env['PATH'], LC_ALL: 'C' },
      shell,
    ).ended;
    const downloads = journey.server.requests
      .slice(before)
      .filter(({ operation }) => operation.includes('download_file_by'));
    return {
      ...ended,
      fetched: downloads.map(({ fileName }) => fileName ?? ''),
      bytes: downloads.reduce((sum, { bytesOut }) => sum + bytesOut, 0),
    };
  };
  const target = (): string => join(journey.directory, `out ${++nth}`);
  const same = (path: string, restored: string): void => {
    const { stdout, stderr } = spawnSync('diff', ['-r', join(tree, path), join(restored, path)], {
      encoding: 'utf8',
    });
    assert.equal(stdout + stderr, '');
  };

  for (const shell of SHELLS) {
    it(`under ${shellName(shell)}: -t and -x fetch no more than it takes`, async () => {
      const file = await scriptOf('cut');
      const listed = await run(shell, file, ['-t']);
      assert.equal(listed.status, 0, listed.output);
      assert.match(listed.output, /^\.\/d0\/sub\/$/m);
      assert.ok(listed.output.includes(`./etc/${ODD_SHOWN}\n`), listed.output);
      assert.deepEqual(listed.fetched, ['cut.12.tar.FILES.gpg']);

      const into = target();
      const picked = await run(shell, file, ['-C', into, '-x', './etc', 'd3/sub/f9', 'z/hard', 'huge']);
      assert.equal(picked.status, 0, picked.output);
      for (const path of ['etc', 'd3/sub/f9', 'huge']) same(path, into);
      assert.deepEqual(readdirSync(into).sort(), ['d3', 'etc', 'huge', 'z']);
      assert.deepEqual(readdirSync(join(into, 'd3', 'sub')), ['f9']);
      assert.equal(statSync(join(into, 'z/hard')).ino, statSync(join(into, 'etc/fstab')).ino);
      assert.match(picked.output, new RegExp(`done: cut #12: fetched ${picked.bytes} of \\d+ bytes`));
      assert.ok(picked.bytes < 900_000, `${picked.bytes}`);

      // A hard link alone brings what it points to; names with odd characters as -t shows them, and as they are.
      const link = target();
      const names = ['z/hard', `etc/${ODD_SHOWN}`, './etc/Grüße'];
      const linked = await run(shell, file, ['-q', '-C', link, '-x', ...names]);
      assert.deepEqual([linked.status, linked.output], [0, '']);
      assert.equal(readFileSync(join(link, 'z/hard'), 'utf8'), 'UUID=1 / ext4\n');
      assert.equal(readFileSync(join(link, 'etc', ODD), 'utf8'), 'odd');
      const odd = target();
      assert.equal((await run(shell, file, ['-q', '-C', odd, '-x', `etc/${ODD}`])).status, 0);
      assert.equal(readFileSync(join(odd, 'etc', ODD), 'utf8'), 'odd');
    });
  }

  it('where nobody but the script hears of a broken pipe, as in a service of systemd: not a word of it', async () => {
    const deaf = ['sh', '-c', `trap '' PIPE; exec sh "$@"`, 'sh'];
    // Of a volume that is much larger than a pipe, the beginning.
    const words = ['-q', '-C', target(), '-x', 'd0/sub/f0'];
    const { status, output } = await run(deaf, await scriptOf('wide'), words);
    assert.deepEqual([status, output], [0, '']);
  });

  it('with a key instead of a token, plain tar, all of it and a directory', async () => {
    const file = await scriptOf('plain', '--no-token');
    const into = target();
    const all = await run(['sh'], file, ['-q', '-C', into]);
    assert.deepEqual([all.status, all.output], [0, '']);
    same('.', into);
    const some = target();
    const picked = await run(['sh'], file, ['-q', '-C', some, '-x', 'd1/']);
    assert.deepEqual([picked.status, picked.output], [0, '']);
    same('d1', some);
    assert.deepEqual(readdirSync(some), ['d1']);
    assert.ok(picked.fetched.length < all.fetched.length / 3);
  });

  it('with --keep-going, members of a damaged volume are left out', async () => {
    const file = await scriptOf('plain');
    const bucket = journey.server.bucket(BUCKET);
    const names = (await run(['sh'], file, ['-C', target(), '-x', 'huge'])).fetched.filter((name) =>
      name.includes('/'),
    );
    const middle = names[Math.floor(names.length / 2)] ?? '';
    bucket.flipBit(middle, 1000);
    const strict = await run(['sh'], file, ['-C', target(), '-x', 'etc', 'huge', 'z']);
    assert.equal(strict.status, 1);
    const into = target();
    const most = await run(['sh'], file, ['--keep-going', '-C', into, '-x', 'etc', 'huge', 'z']);
    bucket.flipBit(middle, 1000);
    assert.equal(most.status, 11, most.output);
    same('etc', into);
    same('z', into);
    assert.equal(statSync(join(into, 'huge')).size, statSync(join(tree, 'huge')).size);
  });

  /** Volumes of the archive `cut` that hold the middle of the large file, and a small one. */
  const lost = once(async () => {
    const file = await scriptOf('cut');
    const volumesOf = async (path: string): Promise<string[]> =>
      (await run(['sh'], file, ['-C', target(), '-x', path])).fetched.filter((name) => name.includes('/'));
    const ofHuge = await volumesOf('huge');
    const [ofFile = ''] = await volumesOf('d2/sub/f8');
    return { middle: ofHuge[Math.floor(ofHuge.length / 2)] ?? '', ofFile };
  });
  // busybox's own tar, which its sh prefers, stops at the first gap.
  for (const shell of SHELLS.filter((shell) => !hasBusyboxTar(shell))) {
    it(`under ${shellName(shell)}: with --keep-going a compressed archive goes on behind each lost volume`, async () => {
      const file = await scriptOf('cut');
      const bucket = journey.server.bucket(BUCKET);
      const { middle, ofFile } = await lost();
      for (const name of [middle, ofFile]) bucket.flipBit(name, 1000);
      const into = target();
      const most = await run(shell, file, ['--keep-going', '-C', into]);
      for (const name of [middle, ofFile]) bucket.flipBit(name, 1000);
      assert.equal(most.status, 11, most.output);
      const numbers = [ofFile, middle].map((name) => Number(/(\d{6})\.gpg$/.exec(name)?.[1]) + 1);
      assert.match(most.lastLine, new RegExp(`volume\\(s\\) ${numbers.join(' ')} of \\d+ are damaged`));
      for (const path of ['d0', 'd5', 'etc', 'z']) same(path, into);
      const { size } = statSync(join(tree, 'huge'));
      assert.equal(statSync(join(into, 'huge')).size, size);
      const there = readFileSync(join(into, 'huge'));
      assert.ok(
        there.subarray(size - 10_000).equals(readFileSync(join(tree, 'huge')).subarray(size - 10_000)),
      );
    });
  }

  it('what is missing is reported; the rest is restored', async () => {
    const file = await scriptOf('cut');
    const none = await run(['sh'], file, ['-C', target(), '-x', 'no/such', 'huge/below']);
    assert.equal(none.status, 13);
    assert.match(none.output, /not in the archive: no\/such\nnot in the archive: huge\/below\n/);
    assert.match(none.lastLine, /failed: nothing in the archive has such a name/);
    const into = target();
    const some = await run(['sh'], file, ['-C', into, '-x', 'no/such', 'etc']);
    assert.equal(some.status, 13);
    assert.match(
      some.lastLine,
      /some of the members asked for are not in the archive; the others were restored/,
    );
    same('etc', into);
  });

  it('one stream through all volumes: the list from the index, the members through tar', async () => {
    const file = await scriptOf('classic');
    const listed = await run(['sh'], file, ['-t', '-q']);
    assert.deepEqual(listed.fetched, ['classic.12.tar.FILES.gpg']);
    const into = target();
    const picked = await run(['sh'], file, ['-C', into, '-x', './etc/fstab']);
    assert.equal(picked.status, 0, picked.output);
    same('etc/fstab', into);
  });

  it('an index that is gone: the whole archive is read', async () => {
    const file = await scriptOf('cut', '--no-token');
    journey.server.bucket(BUCKET).remove('cut.12.tar.FILES.gpg');
    const into = target();
    const picked = await run(['sh'], file, ['-C', into, '-x', './etc/fstab']);
    assert.equal(picked.status, 0, picked.output);
    assert.match(picked.output, /the member index is damaged or gone: going through the whole archive/);
    same('etc/fstab', into);
  });
});

/** `make`, called when its result is first needed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
