/** One file back for the price of one: what is fetched, and that it is what tar would have restored. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BUCKET, Journey, type Ended } from './harness.js';

const MIB = 1024 * 1024;

const LAYOUTS: readonly (readonly [host: string, flags: readonly string[], mostFetched: number])[] = [
  // One part with the first half, one with the second; the head of the volume; manifest and index.
  ['plain', [], 14 * MIB],
  ['split', ['--split-size', '12M'], 14 * MIB],
  ['bzip2', ['--compress', 'bzip2:1', '--split-size', '12M'], 14 * MIB],
  // Its chunks refer to what lies before: read from the beginning, no further than needed.
  ['gzip', ['--compress', 'gzip:1'], 60 * MIB],
  ['gcm', ['--openpgp-profile', 'rfc9580', '--openpgp-aead', 'gcm', '--split-size', '12M'], 14 * MIB],
  // A chain: from the beginning of the volume.
  ['chained', ['--openpgp-profile', 'rfc4880', '--split-size', '12M'], 16 * MIB],
  // Volumes of some 1 MiB, each a stream of its own.
  ['reuse', ['--reuse', '--compress', 'gzip'], 10 * MIB],
];

describe('restore of some members', () => {
  let journey: Journey;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    tree = join(journey.directory, 'tree');
    mkdirSync(join(tree, 'home', 'ann', 'sub'), { recursive: true });
    mkdirSync(join(tree, 'etc'));
    writeFileSync(join(tree, 'a'), randomFillSync(Buffer.alloc(14 * MIB)));
    writeFileSync(join(tree, 'etc', 'fstab'), 'UUID=1 / ext4\n');
    writeFileSync(join(tree, 'home', 'ann', 'one'), randomFillSync(Buffer.alloc(40_000)));
    writeFileSync(join(tree, 'home', 'ann', 'sub', 'two'), randomFillSync(Buffer.alloc(700)));
    linkSync(join(tree, 'etc', 'fstab'), join(tree, 'home', 'hard'));
    writeFileSync(join(tree, 'z'), randomFillSync(Buffer.alloc(14 * MIB)));
    for (const [host, flags] of LAYOUTS) {
      const words = journey.positionals(journey.tarOf(tree), { host });
      const { status, output } = await journey.archiveHost(['--part-size', '5M', ...flags, ...words]).ended;
      assert.equal(status, 0, output);
    }
  });
  after(() => journey.end());

  const restore = async (
    host: string,
    words: readonly string[],
  ): Promise<Ended & { readonly fetched: number }> => {
    const before = journey.server.requests.length;
    const ended = await journey.start('backuppc-b2', [
      ...['restore', '--host', host, ...words],
      ...['--endpoint', journey.server.url, '--bucket', BUCKET, '--passphrase-file', journey.passphraseFile],
    ]).ended;
    const fetched = journey.server.requests
      .slice(before)
      .filter(({ operation }) => operation.includes('download'))
      .reduce((sum, { bytesOut }) => sum + bytesOut, 0);
    return { ...ended, fetched };
  };
  const assertSame = (path: string, restored: string): void => {
    assert.equal(
      spawnSync('diff', ['-r', join(tree, path), join(restored, path)], { encoding: 'utf8' }).stdout,
      '',
    );
    assert.equal(
      statSync(join(restored, path)).mtimeMs,
      Math.floor(statSync(join(tree, path)).mtimeMs / 1000) * 1000,
    );
  };

  for (const [host, , mostFetched] of LAYOUTS) {
    it(`${host}: files by path and by glob, a hard link with its target, no more than it takes`, async () => {
      const into = join(journey.directory, `into-${host}`);
      const words = ['-C', into, 'etc/fstab', './home/ann/*', 'home/hard'];
      const { status, output, fetched } = await restore(host, words);
      assert.equal(status, 0, output);
      assert.match(output, /restored 5 members of \S+ #12: fetched [\d.]+ [KM]iB of [\d.]+ MiB/);
      assertSame('etc/fstab', into);
      assertSame('home/ann/one', into);
      assertSame('home/ann/sub', into);
      assert.equal(statSync(join(into, 'home/hard')).ino, statSync(join(into, 'etc/fstab')).ino);
      assert.deepEqual(readdirSync(into).sort(), ['etc', 'home']);
      assert.ok(fetched > 0 && fetched < mostFetched, `${fetched} bytes fetched`);

      const link = await restore(host, ['-C', `${into}-link`, 'home/hard']);
      assert.equal(link.status, 0, link.output);
      assert.equal(readFileSync(join(`${into}-link`, 'home/hard'), 'utf8'), 'UUID=1 / ext4\n');
      const big = await restore(host, ['-C', `${into}-big`, 'z', '-q']);
      assert.deepEqual([big.status, big.output], [0, '']);
      assertSame('z', `${into}-big`);
    });
  }

  it('--to-stdout', async () => {
    const { status, output } = await restore('split', ['-q', '--to-stdout', 'etc/fstab']);
    assert.deepEqual([status, output], [0, 'UUID=1 / ext4\n']);
    // Of a hard link, what it points to.
    const link = await restore('split', ['-q', '--to-stdout', 'home/hard']);
    assert.deepEqual([link.status, link.output], [0, 'UUID=1 / ext4\n']);
  });

  it('what is not there has its own status; the rest comes', async () => {
    const into = join(journey.directory, 'some');
    const none = await restore('plain', ['-C', into, 'no/such']);
    assert.equal(none.status, 13, none.output);
    assert.match(none.lastLine, /nothing in plain #12 matches no\/such/);
    const some = await restore('plain', ['-C', into, 'no/such', 'etc']);
    assert.deepEqual([some.status, some.lastLine], [13, 'nothing matches no/such']);
    assertSame('etc/fstab', into);
  });

  it('an archive without an index is read whole, as before', async () => {
    const words = journey.positionals(journey.tarOf(tree), { host: 'old' });
    assert.equal((await journey.archiveHost(['--no-index', ...words]).ended).status, 0);
    const into = join(journey.directory, 'old');
    const { status, output } = await restore('old', ['-C', into, '-x', './etc/fstab']);
    assert.equal(status, 0, output);
    assertSame('etc/fstab', into);
    const listed = await journey.start('backuppc-b2', [
      ...['files', '--host', 'old', '--endpoint', journey.server.url, '--bucket', BUCKET],
      ...['--passphrase-file', journey.passphraseFile],
    ]).ended;
    assert.equal(listed.status, 13);
    assert.match(listed.lastLine, /old #12 has no member index/);
  });
});
