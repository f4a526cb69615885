/** Archiving a host and number again that are in the bucket already: by this installation, by another one, from another share. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BUCKET, Journey, type Ended } from './harness.js';

describe('a host and number that are already in the bucket', { concurrency: 1 }, () => {
  let journey: Journey;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    tree = join(journey.directory, 'tree');
    mkdirSync(tree);
    journey.write('tree/a', randomFillSync(Buffer.alloc(6_000_000)));
  });
  after(async () => {
    await journey.end();
  });

  const versions = (host: string): string[] =>
    journey.server
      .bucket(BUCKET)
      .versions()
      .filter(({ fileName }) => fileName.startsWith(`${host}.`))
      .map(({ fileName, fileId, action }) => `${action} ${fileName} ${fileId}`)
      .sort();
  const archive = (
    host: string,
    flags: readonly string[] = [],
    over: { number?: string; outLoc?: string; share?: string } = {},
  ): Promise<Ended> => {
    const words = journey.positionals(journey.tarOf(tree), { host, ...over });
    words[words.length - 1] = over.share ?? '*';
    return journey.archiveHost(['--part-size', '5M', '--split-size', '5M', ...flags, ...words]).ended;
  };
  const ok = async (...order: Parameters<typeof archive>): Promise<Ended> => {
    const ended = await archive(...order);
    assert.equal(ended.status, 0, ended.output);
    return ended;
  };

  it('the same again: says that it is there, sends nothing, ends with 0', async () => {
    await ok('same');
    const stored = versions('same');
    const { output } = await ok('same');
    assert.match(
      output,
      /same #12 is already complete in B2 since .*, made with the same settings; --again sends it again/,
    );
    assert.match(output, /0 B of it sent now/);
    assert.deepEqual(versions('same'), stored);
    assert.deepEqual(
      readdirSync(journey.outLoc).filter((name) => name.startsWith('same.')),
      [],
    );
  });

  it('--again, and other settings: sent again, and the older set is removed once the new one is complete', async () => {
    await ok('anew');
    let stored = versions('anew');
    for (const flags of [['--again'], ['--compress', 'gzip']]) {
      await ok('anew', flags);
      const now = versions('anew');
      assert.ok(now.every((version) => !stored.includes(version)));
      assert.equal(now.filter((version) => version.includes('COMPLETE')).length, 1);
      assert.equal(now.filter((version) => version.includes('.aa.gpg')).length, 1);
      stored = now;
    }
  });

  it('another installation made it: refused, with prefix as the cure, and nothing changes', async () => {
    await ok('two-servers');
    const stored = versions('two-servers');
    const outLoc = join(journey.directory, 'another server');
    mkdirSync(outLoc);
    for (const flags of [[], ['--again']]) {
      const { status, lastLine, output } = await archive('two-servers', flags, { outLoc });
      assert.equal(status, 3, output);
      assert.match(
        lastLine,
        /two-servers #12 is in the bucket already, and this installation did not make it/,
      );
      assert.match(output, /hint: .*prefix/);
      assert.deepEqual(versions('two-servers'), stored);
    }
    await ok('two-servers', ['--prefix', 'second/'], { outLoc });
    assert.deepEqual(versions('two-servers'), stored);
  });

  it('another share of the same backup: refused, with prefix as the cure', async () => {
    await ok('shares', [], { share: '/home' });
    const stored = versions('shares');
    const { status, lastLine } = await archive('shares', [], { share: '/etc' });
    assert.equal(status, 3);
    assert.match(lastLine, /shares #12 is in the bucket already, of another share/);
    assert.deepEqual(versions('shares'), stored);
  });

  it('a number that starts over with a new BackupPC: the archive of the earlier backup stays', async () => {
    await ok('reborn');
    const stored = versions('reborn');
    const data = join(journey.directory, 'backuppc');
    mkdirSync(join(data, 'pc/reborn'), { recursive: true });
    const tomorrow = Math.floor(Date.now() / 1000) + 86_400;
    journey.write('backuppc/pc/reborn/backups', `12\tfull\t${tomorrow - 60}\t${tomorrow}\t3\t6000000\n`);
    const { status, lastLine } = await archive('reborn', ['--backuppc-data', data]);
    assert.equal(status, 3);
    assert.match(lastLine, /reborn #12 is in the bucket already, of an earlier backup of that number/);
    assert.deepEqual(versions('reborn'), stored);
  });

  for (const [rerun, host, number, says] of [
    [
      'the next archive of the host',
      'tidy',
      '2',
      /tidy #1 was finished by a run that was stopped before it had tidied up/,
    ],
    ['the same archive, run again,', 'again', '1', /has stored its manifest: the archive is finished/],
  ] as const) {
    it(`killed behind the manifest: ${rerun} removes what was left to remove`, async () => {
      await ok(host, [], { number: '1' });
      // The older set is to go, but the run ends before it can.
      const gate = journey.server.faults;
      gate.add(`delete_file_version:${host}.1*=503`);
      const killed = journey.archiveHost([
        ...['-v', '--part-size', '5M', '--split-size', '5M', '--again'],
        ...journey.positionals(journey.tarOf(tree), { host, number: '1' }),
      ]);
      await killed.until(() => versions(host).filter((version) => version.includes('COMPLETE')).length === 2);
      killed.kill('SIGKILL');
      await killed.ended;
      gate.clear();
      assert.ok(versions(host).filter((version) => version.includes(`${host}.1.`)).length > 4);
      const { output } = await ok(host, ['-v'], { number });
      assert.match(output, says);
      assert.deepEqual(
        versions(host)
          .filter((version) => version.includes(`${host}.1.`))
          .map((version) => version.split(' ')[1]),
        ['COMPLETE', 'FILES.gpg', 'MANIFEST.gpg', 'aa.gpg', 'ab.gpg'].map((end) => `${host}.1.tar.${end}`),
      );
      assert.deepEqual(
        journey.server
          .bucket(BUCKET)
          .unfinished()
          .map(({ fileName }) => fileName),
        [],
      );
      assert.deepEqual(
        readdirSync(journey.outLoc).filter((name) => name.startsWith(`${host}.`)),
        [],
      );
    });
  }
});
