/** Whoever can write to the bucket puts up what we never archived, or our own volumes in other places: nothing of it may pass for good. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { EXIT_STATUS } from '../../src/errors.js';
import type { BucketView } from '../support/b2-server/inspect.js';
import { BUCKET, Journey, type Ended } from './harness.js';

const RUN = '0123456789abcdef';

describe('a forger with a key that may write', () => {
  let journey: Journey;
  let bucket: BucketView;
  let state: string;
  const tars = new Map<string, Buffer>();
  before(async () => {
    journey = await Journey.begin();
    bucket = journey.server.bucket(BUCKET);
    state = journey.outLoc;
    for (const [host, number] of [
      ['web', '4'],
      ['web', '5'],
      ['db', '5'],
    ] as const) {
      const tree = join(journey.directory, `${host}${number}`);
      mkdirSync(tree);
      journey.write(`${host}${number}/${host}`, Buffer.alloc(11_000_000, `${host} ${number} `));
      const words = journey.positionals(journey.tarOf(tree), { host, number });
      const { status, output } = await journey.archiveHost(['--split-size', '5M', ...words]).ended;
      assert.equal(status, 0, output);
      const tar = spawnSync('tar', ['-C', tree, '--sort=name', '-cf', '-', '.'], { maxBuffer: 64 << 20 });
      tars.set(`${host}.${number}`, tar.stdout);
    }
  });
  after(() => journey.end());

  const companion = (words: readonly string[], stateDirectory?: string): Promise<Ended> =>
    journey.companion(words, stateDirectory);
  const plain = (stem: string): PlainManifest =>
    JSON.parse(bucket.read(`${stem}.tar.COMPLETE`).toString()) as PlainManifest;
  const info = (host: string, number: number, more: Record<string, string> = {}): Record<string, string> => ({
    'bb2-format': '1',
    'bb2-host': host,
    'bb2-number': String(number),
    'bb2-run': RUN,
    'bb2-codec': 'none',
    'bb2-profile': 'librepgp',
    ...more,
  });
  /** An archive of these contents, with a COMPLETE that says whatever a genuine one would. */
  const forge = (
    host: string,
    number: number,
    contents: readonly {
      readonly bytes: Buffer;
      readonly parts: PlainManifest['volumes'][number]['parts'];
    }[],
    over: Partial<PlainManifest> = {},
    suffix = '.gpg',
  ): void => {
    const volumes = contents.map(({ bytes, parts }, index) => {
      const name = `${host}.${number}.tar.a${'abcdef'[index] ?? 'z'}${suffix}`;
      const { fileId } = bucket.put(name, bytes, {
        fileInfo: info(host, number, { 'bb2-volume': String(index) }),
      });
      return { name, fileId, bytes: bytes.length, dataBytes: bytes.length, parts };
    });
    const model = { ...plain('web.4'), sealed: undefined, index: undefined };
    const manifest = JSON.stringify({ ...model, host, number, run: RUN, volumes, ...over });
    bucket.put(`${host}.${number}.tar.COMPLETE`, Buffer.from(manifest), {
      fileInfo: info(host, number, {
        'bb2-state': 'finished',
        'bb2-volumes': String(volumes.length),
        'bb2-bytes': String(volumes.reduce((sum, { bytes }) => sum + bytes, 0)),
      }),
    });
  };
  const volumesOf = (stem: string): { bytes: Buffer; parts: PlainManifest['volumes'][number]['parts'] }[] =>
    plain(stem).volumes.map(({ name, parts }) => ({ bytes: bucket.read(name), parts }));
  const sha1 = (bytes: Buffer): string =>
    spawnSync('sha1sum', { input: bytes }).stdout.toString().slice(0, 40);
  const one = (bytes: Buffer): { bytes: Buffer; parts: PlainManifest['volumes'][number]['parts'] } => ({
    bytes,
    parts: [[bytes.length, sha1(bytes)]],
  });
  const now = (): Set<string> => new Set(bucket.versions().map(({ fileId }) => fileId));

  /** No command ends well, and nothing is written. */
  const refused = async (host: string, number: number, statuses: readonly number[]): Promise<void> => {
    const of = ['--host', host, '--number', String(number)];
    const target = join(journey.directory, `out-${host}-${number}.tar`);
    for (const words of [
      ['restore', ...of, '-o', target],
      ['script', ...of, '--no-token'],
      ['verify', '--deep', ...of],
    ]) {
      const { status, output } = await companion(words);
      assert.ok(
        statuses.includes(status ?? -1),
        `${words.join(' ')} ended with ${String(status)}: ${output}`,
      );
    }
    assert.ok(!existsSync(target));
  };

  it('the genuine archives are restored and verified, also where nothing is recorded', async () => {
    const target = join(journey.directory, 'genuine.tar');
    const { status, output } = await companion(['restore', '--host', 'web', '--number', '4', '-o', target]);
    assert.equal(status, 0, output);
    assert.ok(readFileSync(target).equals(tars.get('web.4') ?? Buffer.alloc(0)));
    const verified = await companion(['verify', '--host', 'web', '--number', '4']);
    assert.equal(verified.status, 0, verified.output);
  });

  it('an unencrypted archive under a new number', async () => {
    const before = now();
    forge('web', 99, [one(tars.get('db.5') ?? Buffer.alloc(0))], {}, '');
    await refused('web', 99, [EXIT_STATUS.unproven, EXIT_STATUS.damaged]);
    bucket.keepOnly(before, 'web.99.');
  });

  it('a newer, finished, unencrypted archive over a genuine one: the genuine one counts', async () => {
    const before = now();
    forge('web', 5, [one(tars.get('db.5') ?? Buffer.alloc(0))], {}, '');
    const target = join(journey.directory, 'displaced.tar');
    const { status, output } = await companion(['restore', '--host', 'web', '--number', '5', '-o', target]);
    assert.equal(status, 0, output);
    assert.ok(readFileSync(target).equals(tars.get('web.5') ?? Buffer.alloc(0)), output);
    bucket.keepOnly(before, 'web.5.');
  });

  it('a .gpg made with gpg --store', async () => {
    const before = now();
    const stored = spawnSync('gpg', ['--batch', '--store', '-o', '-'], {
      input: tars.get('db.5'),
      maxBuffer: 64 << 20,
    }).stdout;
    forge('web', 99, [one(stored)]);
    await refused('web', 99, [EXIT_STATUS.unproven, EXIT_STATUS.damaged]);
    const all = await companion([
      'restore',
      '--allow-unproven',
      '--host',
      'web',
      '--number',
      '99',
      '-o',
      join(journey.directory, 'stored.tar'),
    ]);
    assert.equal(all.status, EXIT_STATUS.damaged, all.output);
    bucket.keepOnly(before, 'web.99.');
  });

  it('the volumes of another archive, with and without its sealed manifest', async () => {
    const before = now();
    for (const [host, number] of [
      ['db', 6],
      ['web', 6],
    ] as const) {
      forge(host, number, volumesOf('web.4'));
      await refused(host, number, [EXIT_STATUS.unproven]);
      bucket.keepOnly(before, `${host}.${number}.`);
    }
    const sealedOfWeb = plain('web.4').sealed;
    assert.ok(sealedOfWeb);
    bucket.put('db.6.tar.MANIFEST.gpg', bucket.read(sealedOfWeb.name), { fileInfo: info('db', 6) });
    forge('db', 6, volumesOf('web.4'), { sealed: { ...sealedOfWeb, name: 'db.6.tar.MANIFEST.gpg' } });
    await refused('db', 6, [EXIT_STATUS.damaged]);
    bucket.keepOnly(before, 'db.6.');
  });

  it('volumes dropped, in the middle and at the end, or of another archive, with a COMPLETE that fits', async () => {
    const before = now();
    const [first, second, third] = volumesOf('web.4');
    assert.ok(first && second && third);
    const [other] = volumesOf('db.5');
    assert.ok(other);
    for (const left of [
      [first, third],
      [first, second],
      [other, second, third],
    ]) {
      forge('web', 7, left);
      await refused('web', 7, [EXIT_STATUS.unproven, EXIT_STATUS.damaged]);
      bucket.keepOnly(before, 'web.7.');
    }
    const genuine = bucket.file('web.4.tar.COMPLETE');
    assert.ok(genuine);
    const said = plain('web.4');
    const shorter = { ...said, volumes: said.volumes.slice(0, 2) };
    bucket.put('web.4.tar.COMPLETE', Buffer.from(JSON.stringify(shorter)), {
      fileInfo: { ...genuine.fileInfo, 'bb2-volumes': '2', 'bb2-bytes': '1' },
    });
    // The genuine one lies below, and counts.
    const target = join(journey.directory, 'below.tar');
    const { status, output } = await companion(['restore', '--host', 'web', '--number', '4', '-o', target]);
    assert.equal(status, 0, output);
    assert.ok(readFileSync(target).equals(tars.get('web.4') ?? Buffer.alloc(0)));
    assert.match(
      output,
      /passed over a newer manifest, which is unproven: .*differs from the sealed manifest/,
    );
    bucket.keepOnly(before, 'web.4.tar.COMPLETE');
  });

  it('a newer version of a volume, of the same size: the one that the manifest names is restored', async () => {
    const before = now();
    const [volume] = plain('web.5').volumes;
    const genuine = bucket.file(volume?.name ?? '');
    const [other] = volumesOf('db.5');
    assert.ok(volume && genuine && other);
    assert.equal(other.bytes.length, genuine.contentLength);
    bucket.put(volume.name, other.bytes, { fileInfo: { ...genuine.fileInfo } });
    const target = join(journey.directory, 'newer.tar');
    const { status, output } = await companion(['restore', '--host', 'web', '--number', '5', '-o', target]);
    assert.equal(status, 0, output);
    assert.ok(readFileSync(target).equals(tars.get('web.5') ?? Buffer.alloc(0)));
    bucket.keepOnly(before, volume.name);
  });

  it('a volume of another archive in its place: not a byte of it is released', async () => {
    const [volume] = plain('web.5').volumes;
    const genuine = bucket.file(volume?.name ?? '');
    const [other] = volumesOf('db.5');
    assert.ok(volume && genuine && other);
    const kept = bucket.read(volume.name);
    bucket.remove(volume.name);
    bucket.put(volume.name, other.bytes, { fileInfo: { ...genuine.fileInfo } });
    const directory = join(journey.directory, 'swapped');
    const { status, output } = await companion([
      'restore',
      '--host',
      'web',
      '--number',
      '5',
      '-C',
      directory,
    ]);
    assert.equal(status, EXIT_STATUS.damaged, output);
    assert.ok(!existsSync(join(directory, 'db')), 'nothing of the other archive was unpacked');
    const verified = await companion(['verify', '--deep', '--host', 'web', '--number', '5']);
    assert.equal(verified.status, EXIT_STATUS.damaged, verified.output);
    bucket.remove(volume.name);
    bucket.put(volume.name, kept, { fileInfo: { ...genuine.fileInfo } });
  });

  it('one object too many: the archive is still what its manifest says', async () => {
    const before = now();
    const genuine = bucket.file('web.4.tar.aa.gpg');
    assert.ok(genuine);
    bucket.put('web.4.tar.ad.gpg', Buffer.from('more'), {
      fileInfo: { ...genuine.fileInfo, 'bb2-volume': '3' },
    });
    const target = join(journey.directory, 'more.tar');
    const { status, output } = await companion(['restore', '--host', 'web', '--number', '4', '-o', target]);
    assert.equal(status, 0, output);
    const kept = await companion(['delete', '--age', '0', '--keep', '2', '--host', 'web', '--dry-run']);
    assert.match(kept.output, /web +4 +finished .* keep +one of the 2 newest/);
    bucket.keepOnly(before, 'web.4.tar.ad');
  });

  it('two newer "finished" archives: delete --keep 2 keeps the genuine ones, with a record and without', async () => {
    forge('web', 98, volumesOf('web.4'));
    forge('web', 99, volumesOf('web.4'));
    for (const directory of [state, join(journey.directory, 'elsewhere')]) {
      const { status, output } = await companion(
        ['delete', '--keep-daily', '1', '--keep', '2', '--host', 'web', '--dry-run'],
        directory,
      );
      assert.equal(status, 0, output);
      assert.match(output, /web +98 .* delete +unproven/);
      assert.match(output, /web +99 .* delete +unproven/);
      assert.match(output, /web +4 .* keep +one of the 2 newest/);
      assert.match(output, /web +5 .* keep +one of the 2 newest/);
    }
    const { status, output } = await companion([
      'delete',
      '--keep-daily',
      '1',
      '--keep',
      '2',
      '--host',
      'web',
      '--yes',
    ]);
    assert.equal(status, 0, output);
    assert.deepEqual(
      bucket.names().filter((name) => /^web\.\d+\.tar\.COMPLETE$/.test(name)),
      ['web.4.tar.COMPLETE', 'web.5.tar.COMPLETE'],
    );
  });
});
