/** The member index that an archive brings along, read with stock gpg and gzip, beside what `tar -tv` says of the tar. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Manifest } from '../../src/catalog/manifest.js';
import { INDEX_START, parseIndexLine, placeBehind, type IndexLine } from '../../src/members/index-text.js';
import { GpgHome } from '../support/gpg.js';
import { installed } from '../../src/compression/quickest.js';
import { BUCKET, Journey, PASSPHRASE, type Ended } from './harness.js';

describe('the member index', () => {
  let journey: Journey;
  let gpg: GpgHome;
  let tree: string;
  let tar: Buffer;
  before(async () => {
    journey = await Journey.begin();
    gpg = new GpgHome();
    tree = join(journey.directory, 'tree');
    mkdirSync(join(tree, 'etc'), { recursive: true });
    mkdirSync(join(tree, 'home', 'Änne', 'n'.repeat(150)), { recursive: true });
    writeFileSync(join(tree, 'etc', 'fstab'), 'UUID=1 / ext4\n');
    writeFileSync(join(tree, 'home', 'Änne', 'tab\there'), 'x');
    writeFileSync(join(tree, 'home', 'Änne', 'n'.repeat(150), 'm'.repeat(120)), 'long');
    writeFileSync(join(tree, 'home', 'big'), randomFillSync(Buffer.alloc(12_000_000)));
    for (let i = 0; i < 3000; i++) writeFileSync(join(tree, 'home', `file-${i}`), String(i));
    linkSync(join(tree, 'etc', 'fstab'), join(tree, 'home', 'hard'));
    symlinkSync('../etc/fstab', join(tree, 'home', 'soft'));
    tar = execFileSync('tar', ['-C', tree, '--sort=name', '-cf', '-', '.'], { maxBuffer: 64 << 20 });
  });
  after(async () => {
    gpg.remove();
    await journey.end();
  });

  const read = async (host: string): Promise<IndexLine[]> => {
    const sealed = journey.server.bucket(BUCKET).read(`${host}.12.tar.FILES.gpg`);
    const text = execFileSync('gzip', ['-dc'], {
      input: await gpg.decrypt(sealed, PASSPHRASE),
      maxBuffer: 64 << 20,
    });
    const lines = text.toString().split('\n');
    assert.equal(lines.pop(), '');
    let expected = INDEX_START;
    return lines.map((line) => {
      const parsed = parseIndexLine(line, expected);
      assert.ok(parsed, line);
      expected = placeBehind(parsed, expected);
      return parsed;
    });
  };
  const manifestOf = (host: string): Manifest =>
    JSON.parse(journey.server.bucket(BUCKET).read(`${host}.12.tar.COMPLETE`).toString()) as Manifest;

  for (const [host, flags] of [
    ['plain', []],
    ['gzip', ['--compress', 'gzip']],
    ['split', ['--split-size', '5M', '--compress', 'bzip2:1']],
    ['chained', ['--openpgp-profile', 'rfc4880']],
  ] as const) {
    it(`${host}: has what tar -tv lists, where it lies`, async () => {
      const { status, output } = await journey.archiveHost([
        ...flags,
        ...journey.positionals(journey.tarOf(tree), { host }),
      ]).ended;
      assert.equal(status, 0, output);
      const lines = await read(host);
      const members = lines.filter((line) => line.kind === 'member');
      const listed = execFileSync(
        'tar',
        ['-tv', '--full-time', '--utc', '--quoting-style=literal', '-f', '-'],
        {
          input: tar,
          maxBuffer: 64 << 20,
          env: { ...process.env, LC_ALL: 'C.UTF-8' },
        },
      );
      const ours = members.map(({ mode, owner, size, mtime, path, linkTarget }) => {
        const target =
          linkTarget === undefined
            ? ''
            : `${mode.startsWith('h') ? ' link to' : ' ->'} ${Buffer.from(linkTarget).toString()}`;
        const time = new Date(mtime * 1000).toISOString().slice(0, 19).replace('T', ' ');
        return `${mode} ${owner} ${size} ${time} ${Buffer.from(path).toString()}${target}`;
      });
      const theirs = listed
        .toString()
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.replace(/ +/g, ' '));
      assert.deepEqual(ours, theirs);

      const fstab = members.find(({ path }) => Buffer.from(path).toString() === './etc/fstab');
      assert.ok(fstab);
      const piece = Buffer.concat([
        tar.subarray(fstab.offset, fstab.offset + fstab.bytes),
        Buffer.alloc(1024),
      ]);
      const alone = spawnSync('tar', ['-xOf', '-'], { input: piece, encoding: 'utf8' });
      assert.equal(alone.stdout, 'UUID=1 / ext4\n');

      const end = lines.at(-1);
      assert.deepEqual(end, { kind: 'end', members: members.length, tarBytes: tar.length });
      const { index } = manifestOf(host);
      const stored = journey.server.bucket(BUCKET).file(`${host}.12.tar.FILES.gpg`);
      assert.deepEqual([index?.fileId, index?.members], [stored?.fileId, members.length]);
      assert.ok((index?.bytes ?? Infinity) < 0.02 * tar.length, 'at most 2 % of the archive');
      const points = lines.filter((line) => line.kind === 'point');
      const inChunks = host === 'split' || (host === 'gzip' && installed('libdeflate-gzip', '/bin:/usr/bin'));
      assert.equal(
        points.length > 0,
        inChunks,
        'bzip2, and gzip by a program, can be taken up at their chunks',
      );
    });
  }

  const companion = (words: readonly string[]): Promise<Ended> =>
    journey.start('backuppc-b2', [
      ...words,
      ...['--endpoint', journey.server.url, '--bucket', BUCKET, '--passphrase-file', journey.passphraseFile],
    ]).ended;
  const stored = async (
    host: string,
    flags: readonly string[] = [],
    from = tree,
    number = '12',
  ): Promise<void> => {
    const positionals = journey.positionals(journey.tarOf(from), { host, number });
    const { status, output } = await journey.archiveHost([...flags, ...positionals]).ended;
    assert.equal(status, 0, output);
  };

  it('files: what tar -t and tar -tv print, and nothing but the index is read', async () => {
    await stored('listed', ['--compress', 'gzip']);
    const tarSays = (words: readonly string[]): string =>
      execFileSync('tar', [...words, '--quoting-style=escape', '-f', '-'], {
        input: tar,
        maxBuffer: 64 << 20,
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
      });
    const before = journey.server.requests.length;
    const { status, output } = await companion(['files', '--host', 'listed']);
    assert.equal(status, 0, output);
    assert.equal(output, tarSays(['-t']));
    const downloads = journey.server.requests.slice(before).filter((r) => r.operation.includes('download'));
    const volume = journey.server.bucket(BUCKET).file('listed.12.tar.gz.gpg');
    assert.ok(volume !== undefined && downloads.length > 0);
    assert.ok(downloads.every(({ fileId }) => fileId !== volume.fileId));

    const long = await companion(['files', '--host', 'listed', '-l', 'etc', 'home/soft', 'home/hard']);
    const fields = (text: string): string[] => text.replace(/ +/g, ' ').split('\n');
    assert.deepEqual(
      fields(long.output),
      fields(tarSays(['-tv'])).filter((line) => /\.\/etc|home\/(soft|hard)|^$/.test(line)),
    );
    const json = JSON.parse((await companion(['files', '--host', 'listed', '--json', 'etc/*'])).output) as {
      members: { path: string; size: number }[];
    };
    assert.deepEqual(
      json.members.map(({ path, size }) => [path, size]),
      [['./etc/fstab', 14]],
    );
    const whole = await companion(['verify', '--host', 'listed', '--deep']);
    assert.equal(whole.status, 0, whole.output);
    const nothing = await companion(['files', '--host', 'listed', 'no/such', 'etc']);
    assert.deepEqual([nothing.status, nothing.lastLine], [13, 'nothing matches no/such']);
    journey.server.bucket(BUCKET).remove('listed.12.tar.FILES.gpg');
    const without = await companion(['verify', '--host', 'listed']);
    assert.equal(without.status, 11, without.output);
    assert.match(without.output, /listed\.12\.tar\.FILES\.gpg/);
  });

  it('files --diff: what changed', async () => {
    const other = join(journey.directory, 'other');
    execFileSync('cp', ['-a', tree, other]);
    await stored('changing', [], other, '11');
    writeFileSync(join(other, 'etc', 'passwd'), 'new');
    writeFileSync(join(other, 'home', 'file-7'), 'seven');
    rmSync(join(other, 'home', 'file-8'));
    await stored('changing', [], other, '12');
    const { status, output } = await companion(['files', '--host', 'changing', '--diff', '11', '12']);
    assert.equal(status, 0, output);
    assert.equal(output, '+ ./etc/passwd\nM ./home/file-7\n- ./home/file-8\n');
    const some = await companion(['files', '--host', 'changing', '--diff', '11,12', 'etc']);
    assert.equal(some.output, '+ ./etc/passwd\n');
  });

  it('is not made when it is not wanted, nor for what is not a tar', async () => {
    const without = await journey.archiveHost([
      '--no-index',
      ...journey.positionals(journey.tarOf(tree), { host: 'without' }),
    ]).ended;
    assert.equal(without.status, 0, without.output);
    assert.equal(manifestOf('without').index, undefined);
    const { status, output } = await journey.start('backuppc-b2', [
      ...['archive', ...journey.flags, '--endpoint', journey.server.url, '--bucket', BUCKET],
      ...['--passphrase-file', journey.passphraseFile, '--state-dir', journey.outLoc],
      ...['--host', 'dump', '--number', '12', '--', 'sh', '-c', 'yes text | head -c 3000000'],
    ]).ended;
    assert.equal(status, 0, output);
    assert.equal(manifestOf('dump').index, undefined);
    assert.deepEqual(
      journey.server
        .bucket(BUCKET)
        .names()
        .filter((name) => name.startsWith('dump.')),
      ['dump.12.tar.COMPLETE', 'dump.12.tar.MANIFEST.gpg', 'dump.12.tar.gpg'],
    );
  });

  it('a rerun after a kill makes it again, and leaves only one', async () => {
    const flags = ['--bwlimit', '6M', '--split-size', '5M', '--part-size', '5M'];
    const words = [...flags, ...journey.positionals(journey.tarOf(tree), { host: 'killed' })];
    const first = journey.archiveHost(['-v', ...words]);
    await first.saw(/volume 1|aa\.gpg/);
    first.kill('SIGKILL');
    await first.ended;
    const { status, output } = await journey.archiveHost(words).ended;
    assert.equal(status, 0, output);
    const lines = await read('killed');
    assert.equal(lines.filter(({ kind }) => kind === 'member').length, manifestOf('killed').index?.members);
    const versions = journey.server
      .bucket(BUCKET)
      .versions()
      .filter(({ fileName }) => fileName === 'killed.12.tar.FILES.gpg');
    assert.equal(versions.length, 1);
  });
});
