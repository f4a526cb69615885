/** Who can write to the bucket and has copies of what we once sealed puts it where it does not belong. He has no key: all of it opens. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { after, before, describe, it } from 'node:test';
import type { PlainManifest } from '../../src/catalog/manifest.js';
import { EXIT_STATUS } from '../../src/errors.js';
import { seededRandom } from '../support/b2-server/random.js';
import type { BucketView } from '../support/b2-server/inspect.js';
import type { FileVersion } from '../support/b2-server/state.js';
import { BUCKET, Journey } from './harness.js';

const DAY_MS = 86_400_000;

const REUSE = ['--reuse', '--reuse-volume', '128K'];

/** A file whose cuts come again: volumes of one size. */
function repeating(): Buffer {
  const random = seededRandom(1);
  const once = Buffer.from(Array.from({ length: 200_000 }, () => Math.floor(random() * 256)));
  return Buffer.concat(Array.from({ length: 7 }, () => once));
}

describe('sealed by us, and moved elsewhere', () => {
  let journey: Journey;
  let bucket: BucketView;
  const tars = new Map<string, Buffer>();

  const archive = async (
    host: string,
    number: string,
    contents: Buffer,
    flags: readonly string[] = ['--split-size', '5M'],
    name = 'file',
  ): Promise<void> => {
    const tree = join(journey.directory, `${host}${number}`);
    mkdirSync(tree);
    utimesSync(journey.write(`${host}${number}/${name}`, contents), 1e9, 1e9);
    utimesSync(tree, 1e9, 1e9);
    const words = journey.positionals(journey.tarOf(tree), { host, number, compExt: '' });
    const { status, output } = await journey.archiveHost([...flags, ...words]).ended;
    assert.equal(status, 0, output);
    const { stdout } = spawnSync('tar', ['-C', tree, '--sort=name', '-cf', '-', '.'], {
      maxBuffer: 64 << 20,
    });
    tars.set(`${host}.${number}`, stdout);
  };
  before(async () => {
    journey = await Journey.begin();
    bucket = journey.server.bucket(BUCKET);
    await archive('web', '4', Buffer.alloc(11_000_000, 'web 4 '));
    await archive('web', '5', Buffer.alloc(11_000_000, 'web 5 '));
    await archive('little', '1', repeating(), REUSE);
    const changed = repeating();
    changed.writeUInt8(changed.readUInt8(700_000) ^ 1, 700_000);
    await archive('little', '2', changed, REUSE);
  });
  after(() => journey.end());

  const plain = (stem: string): PlainManifest => {
    const stored = bucket.read(`${stem}.tar.COMPLETE`);
    // gzip's where volumes are cut by content.
    const text = stored[0] === 0x1f ? gunzipSync(stored) : stored;
    return JSON.parse(text.toString()) as PlainManifest;
  };
  const versionOf = (name: string): FileVersion => {
    const version = bucket.file(name);
    assert.ok(version, name);
    return version;
  };
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const infoOf = (name: string): Record<string, string> => ({ ...versionOf(name).fileInfo });
  const now = (): Set<string> => new Set(bucket.versions().map(({ fileId }) => fileId));
  let targets = 0;
  const restore = async (host: string, ...more: readonly string[]) => {
    const target = join(journey.directory, `restored-${targets++}`);
    const ended = await journey.companion(['restore', '--host', host, '-o', target, ...more]);
    return { ...ended, tar: existsSync(target) ? readFileSync(target) : undefined };
  };
  const isTarOf = (tar: Buffer | undefined, stem: string): boolean =>
    tar?.equals(tars.get(stem) ?? Buffer.alloc(0)) === true;

  it('a volume whose contents a host has chosen is never taken for a manifest', async () => {
    const before = now();
    const model = plain('web.4');
    // What the attacker's archive would be: here the genuine volumes of another host.
    const volumesThere = model.volumes.map((volume) => ({
      ...volume,
      name: volume.name.replace('web.4.', 'db.7.'),
    }));
    const { sealed, index, ...rest } = model;
    assert.ok(sealed && index);
    const forged = { ...rest, host: 'db', number: 7, volumes: volumesThere };
    // Of the host "evil": a file that fills a whole volume with this text, somewhere behind the first.
    const text = JSON.stringify(forged);
    await archive('evil', '1', Buffer.from(text.padEnd(16_000_000, ' ')));
    const inside = tars.get('evil.1') ?? Buffer.alloc(0);
    const [first] = plain('evil.1').volumes;
    // The host moves its text until it begins where a volume does: it sees its own volumes' sizes in COMPLETE.
    const begins = first?.dataBytes ?? 0;
    const shift = begins - inside.indexOf(text);
    await archive('evil', '2', Buffer.from(`${' '.repeat(shift)}${text}`.padEnd(16_000_000, ' ')));
    const [, second] = plain('evil.2').volumes;
    assert.ok(second);
    const message = bucket.read(second.name);
    const info = infoOf('web.4.tar.COMPLETE');
    const its = { ...info, 'bb2-host': 'db', 'bb2-number': '7' };
    for (const { name } of model.volumes)
      bucket.put(name.replace('web.4.', 'db.7.'), bucket.read(name), {
        fileInfo: { ...infoOf(name), 'bb2-host': 'db', 'bb2-number': '7' },
      });
    const { fileId } = bucket.put('db.7.tar.MANIFEST.gpg', message, {
      fileInfo: { 'bb2-format': '1', 'bb2-run': model.run, 'bb2-host': 'db', 'bb2-number': '7' },
    });
    const put = { name: 'db.7.tar.MANIFEST.gpg', fileId, bytes: message.length, sha256: sha256(message) };
    // Padded, because a manifest that is far longer than COMPLETE is not even downloaded.
    const complete = JSON.stringify({ ...forged, sealed: put }).padEnd(message.length, ' ');
    bucket.put('db.7.tar.COMPLETE', Buffer.from(complete), { fileInfo: its });
    const { status, output, tar } = await restore('db', '--number', '7');
    assert.equal(status, EXIT_STATUS.damaged, output);
    assert.match(output, /was not sealed as one/);
    assert.equal(tar, undefined);
    bucket.keepOnly(before);
  });

  it('newer versions of manifest, index and signature cover a good archive: it is restored, listed, and nothing of it is cleaned up', async () => {
    const before = now();
    for (const end of ['MANIFEST.gpg', 'FILES.gpg']) {
      const name = `web.5.tar.${end}`;
      bucket.put(name, bucket.read(`web.4.tar.${end}`), { fileInfo: infoOf(name) });
    }
    bucket.put('web.5.tar.COMPLETE.sig', Buffer.from('no signature'), {
      fileInfo: infoOf('web.5.tar.MANIFEST.gpg'),
    });
    const restored = await restore('web', '--number', '5');
    assert.equal(restored.status, 0, restored.output);
    assert.ok(isTarOf(restored.tar, 'web.5'));
    const listed = await journey.companion(['files', '--host', 'web', '--number', '5']);
    assert.equal(listed.status, 0, listed.output);
    assert.match(listed.output, /file/);
    const verified = await journey.companion(['verify', '--deep', '--host', 'web', '--number', '5']);
    assert.equal(verified.status, 0, verified.output);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    for (const directory of [journey.outLoc, join(journey.directory, 'elsewhere')]) {
      const { status, output } = await journey.companion(
        ['cleanup', '--older-than', '0', '--host', 'web', '--yes'],
        directory,
      );
      assert.equal(status, 0, output);
    }
    const left = now();
    assert.deepEqual(
      [...before].filter((fileId) => !left.has(fileId)),
      [],
    );
    bucket.keepOnly(before);
  });

  it("an unproven manifest: files shows the index on the owner's word alone, and cleanup leaves alone what lies under it", async () => {
    const before = now();
    await archive('unproven', '1', Buffer.from('here'), [], 'member');
    const name = 'unproven.1.tar.COMPLETE';
    const info = infoOf(name);
    // As version 1.0 wrote it.
    const { sealed, ...said } = plain('unproven.1');
    assert.ok(sealed);
    bucket.remove(name);
    bucket.put('unproven.1.tar.gpg', bucket.read('unproven.1.tar.gpg'), {
      fileInfo: infoOf('unproven.1.tar.gpg'),
    });
    bucket.put(name, Buffer.from(JSON.stringify(said)), { fileInfo: info });
    const of = ['--host', 'unproven'];
    const refused = await journey.companion(['files', ...of]);
    assert.equal(refused.status, EXIT_STATUS.unproven, refused.output);
    const listed = await journey.companion(['files', '--allow-unproven', ...of]);
    assert.equal(listed.status, 0, listed.output);
    assert.match(listed.output, /warning: unproven #1 is unproven: [^]*\n\.\/member\n/);
    const differing = await journey.companion(['files', ...of, '--diff', '1,1']);
    assert.equal(differing.status, EXIT_STATUS.unproven, differing.output);
    const there = now();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const cleaned = await journey.companion(['cleanup', '--older-than', '0', ...of, '--yes']);
    assert.equal(cleaned.status, EXIT_STATUS.left, cleaned.output);
    assert.match(cleaned.output, /left unproven\.1\.tar\.gpg: the manifest of unproven #1 is unproven: /);
    assert.deepEqual(now(), there);
    bucket.keepOnly(before);
  });

  it('a newer finished run, forged: cleanup removes nothing of the genuine one', async () => {
    const before = now();
    for (const { fileName, fileInfo } of bucket
      .versions()
      .filter((one) => one.fileName.startsWith('web.5.tar'))) {
      const forged = { ...fileInfo, 'bb2-run': '0123456789abcdef' };
      const bytes = fileName.endsWith('COMPLETE')
        ? Buffer.from(JSON.stringify({ ...plain('web.5'), run: '0123456789abcdef' }))
        : bucket.read(fileName);
      bucket.put(fileName, bytes, { fileInfo: forged });
    }
    await new Promise((resolve) => setTimeout(resolve, 1100));
    for (const directory of [journey.outLoc, join(journey.directory, 'elsewhere')]) {
      await journey.companion(['cleanup', '--older-than', '0', '--host', 'web', '--yes'], directory);
      const left = now();
      assert.deepEqual(
        [...before].filter((fileId) => !left.has(fileId)),
        [],
      );
    }
    const restored = await restore('web', '--number', '5');
    assert.equal(restored.status, 0, restored.output);
    assert.ok(isTarOf(restored.tar, 'web.5'));
    bucket.keepOnly(before);
  });

  it('the member index of another archive, of the same size and sealed with the same passphrase', async () => {
    const before = now();
    await archive('twin', '1', Buffer.from('1'), [], 'there');
    await archive('twin', '2', Buffer.from('2'), [], 'three');
    const name = 'twin.2.tar.FILES.gpg';
    const genuine = versionOf(name);
    const [mine, other] = ['twin.2', 'twin.1'].map((stem) => bucket.read(`${stem}.tar.FILES.gpg`));
    assert.ok(mine && other);
    assert.equal(mine.length, other.length, 'the two indexes must be of one size for this attack');
    bucket.remove(name);
    bucket.put(name, other, { fileInfo: { ...genuine.fileInfo } });
    for (const words of [
      ['files'],
      ['verify', '--deep'],
      ['restore', '-C', join(journey.directory, 'picked'), 'there'],
    ]) {
      const { status, output } = await journey.companion([...words, '--host', 'twin', '--number', '2']);
      assert.equal(status, EXIT_STATUS.damaged, output);
    }
    assert.ok(!existsSync(join(journey.directory, 'picked', 'there')));
    bucket.remove(name);
    bucket.put(name, mine, { fileInfo: { ...genuine.fileInfo } });
    before.add(versionOf(name).fileId);
    bucket.keepOnly(before);
  });

  it('a whole older archive under a newer number is not taken for the newer one', async () => {
    const before = now();
    const copy = (over: Readonly<Record<string, unknown>>): void => {
      for (const { fileName, fileInfo } of bucket
        .versions()
        .filter((one) => one.fileName.startsWith('web.4.tar')))
        if (!fileName.endsWith('COMPLETE'))
          bucket.put(fileName.replace('web.4.', 'web.9.'), bucket.read(fileName), {
            fileInfo: { ...fileInfo, 'bb2-number': '9' },
          });
      bucket.put('web.9.tar.COMPLETE', Buffer.from(JSON.stringify({ ...plain('web.4'), ...over })), {
        fileInfo: { ...infoOf('web.4.tar.COMPLETE'), 'bb2-number': '9' },
      });
    };
    for (const over of [{}, { number: 9 }, { number: 9, sealed: undefined }]) {
      copy(over);
      const named = await restore('web', '--number', '9');
      assert.ok([EXIT_STATUS.damaged, EXIT_STATUS.unproven].includes(named.status as 11), named.output);
      assert.equal(named.tar, undefined);
      const newest = await restore('web');
      assert.equal(newest.status, 0, newest.output);
      assert.ok(isTarOf(newest.tar, 'web.5'), newest.output);
      bucket.keepOnly(before);
    }
  });

  it('a whole older archive in its own place, months later: neither the newest nor counted as kept', async () => {
    const before = now();
    const later = versionOf('web.5.tar.COMPLETE').uploadTimestamp + 60 * DAY_MS;
    for (const { fileName, fileInfo } of bucket
      .versions()
      .filter((one) => one.fileName.startsWith('web.4.tar'))) {
      const version = bucket.put(fileName, bucket.read(fileName), { fileInfo: { ...fileInfo } });
      Object.assign(version, { uploadTimestamp: later });
    }
    const newest = await restore('web');
    assert.equal(newest.status, 0, newest.output);
    assert.ok(isTarOf(newest.tar, 'web.5'), newest.output);
    const shown = await journey.companion([
      'delete',
      '--keep',
      '1',
      '--keep-daily',
      '1',
      '--dry-run',
      '--host',
      'web',
    ]);
    assert.match(shown.output, /web +5 .* keep +newest finished archive/);
    bucket.keepOnly(before);
  });

  it('small volumes under one session key, swapped within an archive and between two', async () => {
    const first = plain('little.1');
    const second = plain('little.2');
    const swap = (one: string, other: string): void => {
      const [a, b] = [versionOf(one), versionOf(other)];
      const [ofA, ofB] = [bucket.read(a), bucket.read(b)];
      bucket.remove(one);
      bucket.remove(other);
      bucket.put(one, ofB, { fileInfo: { ...a.fileInfo } });
      bucket.put(other, ofA, { fileInfo: { ...b.fileInfo } });
    };
    // Of one size, and not the same octets: what has not changed was copied.
    const pairs = [first, second].flatMap((in2nd): [string, string][] => {
      for (const { name, bytes } of first.volumes)
        for (const other of in2nd.volumes)
          if (
            other.name !== name &&
            other.bytes === bytes &&
            !bucket.read(other.name).equals(bucket.read(name))
          )
            return [[name, other.name]];
      return [];
    });
    assert.equal(pairs.length, 2, 'volumes of one size are needed for this attack');
    for (const [one, other] of pairs) {
      swap(one, other);
      const { status, output, tar } = await restore('little', '--number', '1');
      assert.equal(status, EXIT_STATUS.damaged, output);
      assert.equal(tar, undefined);
      const picked = join(journey.directory, `picked-${targets++}`);
      const some = await journey.companion([
        'restore',
        '--host',
        'little',
        '--number',
        '1',
        '-C',
        picked,
        '.',
      ]);
      assert.equal(some.status, EXIT_STATUS.damaged, some.output);
      assert.ok(!existsSync(picked));
      swap(one, other);
      const again = await restore('little', '--number', '1');
      assert.equal(again.status, 0, again.output);
      assert.ok(isTarOf(again.tar, 'little.1'));
    }
  });
});
