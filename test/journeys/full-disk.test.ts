/** `restore` and `script`, and the restore script, on a disk that is full: what was asked for is there whole or not at all. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { withSmallDisk } from '../support/small-disk.js';
import { BUCKET, Journey, type Ended } from './harness.js';

describe('a full disk', { concurrency: false }, () => {
  let journey: Journey;
  let disk: string;
  let listing: string;
  before(async () => {
    journey = await Journey.begin();
    const tree = join(journey.directory, 'tree');
    disk = join(journey.directory, 'disk');
    listing = join(journey.directory, 'listing');
    mkdirSync(tree);
    mkdirSync(disk);
    journey.write('tree/random', randomFillSync(Buffer.alloc(12_000_000)));
    const archive = async (host: string, compPath: string, splitSize: string): Promise<void> => {
      const words = journey.positionals(journey.tarOf(tree), { host, compPath, splitSize });
      const { status, output } = await journey.archiveHost(['--part-size', '5M', ...words]).ended;
      assert.equal(status, 0, output);
    };
    await archive('plain', '/bin/cat', '5000000');
    await archive('packed', '/bin/gzip', '0');
  });
  after(() => journey.end());

  const ours = (...words: string[]): string[] => [
    ...words,
    ...['--endpoint', journey.server.url, '--bucket', BUCKET, '--state-dir', journey.outLoc],
    ...(words[0] === 'restore' ? ['--passphrase-file', journey.passphraseFile] : []),
  ];
  /** Within a disk of `size`. @returns also what was left on it */
  async function on(
    size: string,
    words: readonly string[],
    within: readonly string[] = [],
  ): Promise<Ended & { left: string[] }> {
    const small = withSmallDisk(disk, size, listing);
    assert.ok(small);
    const ended = await journey.start('backuppc-b2', words, {}, [...small, ...within]).ended;
    return { ...ended, left: readFileSync(listing, 'utf8').split('\n').filter(Boolean) };
  }
  const skip = withSmallDisk('/mnt', '64k', '/dev/null') === false ? 'no small file system here' : false;
  const intoDisk = ['sh', '-c', '"$@" >"$0"'];

  it('restore -o FILE: no FILE, and nothing that cannot be resumed', { skip }, async () => {
    for (const host of ['plain', 'packed']) {
      const { status, lastLine, left } = await on(
        '3m',
        ours('restore', '--host', host, '-o', join(disk, 'x.tar')),
      );
      assert.equal(status, 9);
      assert.match(lastLine, /cannot write .*x\.tar\.part: no space left there$/);
      assert.deepEqual(left, []);
    }
  });

  it('restore -o FILE with whole volumes: they stay, and it says where', { skip }, async () => {
    const { status, output, left } = await on(
      '7m',
      ours('restore', '--host', 'plain', '-o', join(disk, 'x.tar')),
    );
    assert.equal(status, 9, output);
    assert.match(output, /x\.tar\.part holds 1 volume: the same command goes on from there/);
    assert.deepEqual(left.sort(), ['x.tar.part', 'x.tar.part.state']);
  });

  it('restore -C DIR', { skip }, async () => {
    for (const host of ['plain', 'packed']) {
      const { status, output, lastLine } = await on(
        '3m',
        ours('restore', '--host', host, '-C', join(disk, 'x')),
      );
      assert.equal(status, 9, output);
      assert.match(lastLine, /no space left in .*disk\/x: tar ended/);
    }
  });

  it('restore to standard output: a last write that falls short is not a success', { skip }, async () => {
    // One slice does not fit as a whole: the system takes what fits, and says how much that was.
    for (const size of ['64k', '11m']) {
      const words = ours('restore', '--host', 'plain', '-');
      const { status, lastLine } = await on(size, words, [...intoDisk, join(disk, 'x.tar')]);
      assert.equal(status, 9);
      assert.match(lastLine, /cannot write standard output: no space left there$/);
    }
  });

  it('restore to /dev/full', async () => {
    for (const words of [['-'], ['--to-stdout', 'random'], ['-o', '/dev/full']]) {
      const within = ['sh', '-c', '"$@" >/dev/full', 'sh'];
      const command = ours('restore', '--host', 'plain', ...words);
      const { status, lastLine } = await journey.start('backuppc-b2', command, {}, within).ended;
      assert.equal(status, 9, lastLine);
      assert.match(lastLine, /no space left/);
    }
  });

  it('restore to standard output that is closed: a quiet 12', async () => {
    for (const words of [['-'], ['--to-stdout', 'random']]) {
      const command = ours('restore', '--host', 'plain', '-q', ...words);
      const within = ['sh', '-c', '"$@" >&-', 'sh'];
      const { status, output } = await journey.start('backuppc-b2', command, {}, within).ended;
      assert.deepEqual({ status, output }, { status: 12, output: '' });
    }
  });

  it('script: to standard output, and over last night’s script, which stays', { skip }, async () => {
    const path = join(disk, 'restore.sh');
    const script = ours('script', '--host', 'plain', '--no-token');
    const fill = `printf good >${path}; head -c 50000 /dev/zero >${join(disk, 'ballast')}`;
    const toStdout = await on('64k', script, ['sh', '-c', `${fill}; "$@" >"$0"`, join(disk, 'x.sh')]);
    assert.equal(toStdout.status, 9, toStdout.output);
    assert.match(toStdout.lastLine, /cannot write standard output: no space left there/);
    const copy = join(journey.directory, 'copy');
    const keep = ['sh', '-c', `${fill}; "$@"; status=$?; cp ${path} ${copy}; exit $status`, 'sh'];
    const over = await on('64k', [...script, '--output', path], keep);
    assert.equal(over.status, 9, over.output);
    assert.match(over.lastLine, /cannot write .*restore\.sh: no space left there/);
    assert.equal(readFileSync(copy, 'utf8'), 'good');
    assert.deepEqual(over.left.sort(), ['ballast', 'restore.sh']);
  });

  it('the restore script: TMPDIR, the directory, the file', { skip }, async () => {
    const script = join(journey.directory, 'restore.sh');
    const made = await journey.start('backuppc-b2', ours('script', '--host', 'plain', '--output', script))
      .ended;
    assert.equal(made.status, 0, made.output);
    const elsewhere = join(journey.directory, 'restored');
    for (const [words, temporary, expected, reason] of [
      [['-C', elsewhere], disk, 9, /cannot write to .*disk/],
      // Not a damaged volume.
      [['--keep-going', '-C', elsewhere], disk, 9, /cannot write to .*disk/],
      [
        ['--keep-pieces', join(disk, 'kept'), '-C', elsewhere],
        journey.directory,
        9,
        /cannot write to .*kept/,
      ],
      [['-C', join(disk, 'x')], journey.directory, 9, /tar: status 2/],
      [['-o', join(disk, 'x.tar')], journey.directory, 9, /writing to .*x\.tar: status 1/],
      [['-o', '/dev/full'], journey.directory, 1, /exists already/],
    ] as const) {
      const small = withSmallDisk(disk, '3m', listing);
      assert.ok(small);
      const within = [
        ...small,
        'env',
        `TMPDIR=${temporary}`,
        'RESTORE_PAUSE=0',
        'sh',
        '-c',
        'shift; exec sh "$@"',
        'sh',
      ];
      const { status, lastLine, output } = await journey.start(
        'backuppc-b2',
        [script, '--passphrase-file', journey.passphraseFile, ...words],
        {},
        within,
      ).ended;
      assert.equal(status, expected, output);
      assert.match(lastLine, reason, output);
      const left = readFileSync(listing, 'utf8')
        .split('\n')
        .filter((name) => name !== '' && name !== 'x.incomplete' && name !== 'kept');
      assert.deepEqual(left, []);
    }
    assert.ok(!existsSync(join(journey.directory, 'x.tar')));
  });
});
