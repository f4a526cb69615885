/** Archives that were hurt in the bucket: nothing of a damaged part is passed on, and what can still be had is given. */
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../../src/catalog/manifest.js';
import { restore, type RestoreContext, type RestoreOptions } from '../../src/cli/restore.js';
import { smallEngine, type SmallEngine } from '../sealing/sealed-volume.js';
import type { TestContext } from './context.js';
import { addSealed, contextAround } from './sealed-archive.js';
import { skipWithout } from '../support/debian.js';

const VOLUME = 25_000;
const FILES = 20;
const FILE_BYTES = 5000;

for (const profile of ['librepgp', 'rfc9580', 'rfc4880'] as const) {
  describe(`damage to an archive in ${profile}`, () => {
    let directory: string;
    let source: string;
    let tar: Buffer;
    let context: TestContext & RestoreContext;
    let engine: SmallEngine;
    let manifest: Manifest;

    before(async () => {
      engine = await smallEngine({ profile });
    });
    after(() => engine.close());
    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'damage-'));
      source = join(directory, 'source');
      mkdirSync(source);
      for (let file = 10; file < 10 + FILES; file++)
        writeFileSync(join(source, `file${file}`), randomBytes(FILE_BYTES));
      tar = execFileSync('tar', ['--sort=name', '-C', source, '-cf', '-', '.']);
      context = contextAround(engine, profile);
      manifest = await add(tar);
    });
    afterEach(() => {
      rmSync(directory, { recursive: true });
    });

    const add = (packed: Buffer, more: { codec?: string; extension?: string } = {}): Promise<Manifest> =>
      addSealed(
        context.store,
        engine,
        { host: 'web', number: 1, ageDays: 1, ...more },
        packed,
        VOLUME,
        tar.length,
      );
    const again = async (packed: Buffer, more: { codec: string; extension: string }): Promise<void> => {
      context = contextAround(engine, profile);
      manifest = await add(packed, more);
    };
    const contentOf = (volume: number): Uint8Array => {
      const content = context.store.contents.get(manifest.volumes[volume]?.fileId ?? '');
      assert.ok(content);
      return content;
    };
    const flip = (volume: number, at: number): void => {
      const content = contentOf(volume);
      content[at] = (content[at] ?? 0) ^ 1;
    };
    const drop = (volume: number): void => {
      const at = context.store.versions.findIndex(
        ({ fileId }) => fileId === manifest.volumes[volume]?.fileId,
      );
      context.store.versions.splice(at, 1);
    };
    const run = (more: Partial<RestoreOptions>): Promise<number> =>
      restore(context, {
        host: 'web',
        number: undefined,
        unfinalized: false,
        target: { kind: 'directory', path: join(directory, 'out'), paths: [] },
        quiet: true,
        ...more,
      });
    /** Where a restore went, or was to go. */
    const leftBehind = (): string[] => readdirSync(directory).filter((name) => name.startsWith('out'));
    /** Names of files in `out` that are the source's; every other file must say that it is damaged. */
    const wholeFiles = (): string[] => {
      const names = readdirSync(join(directory, 'out')).filter((name) => !name.endsWith('.damaged'));
      for (const name of names)
        assert.ok(
          readFileSync(join(directory, 'out', name)).equals(readFileSync(join(source, name))),
          `${name} is not what it was`,
        );
      return names;
    };

    test('two swapped volumes: nothing of them is passed on', async () => {
      const [first, second] = [contentOf(0), contentOf(1)];
      assert.equal(first.length, second.length);
      const kept = Buffer.from(first);
      first.set(second);
      second.set(kept);
      await assert.rejects(run({}), { kind: 'damaged', message: /SHA-1 of bytes/ });
      assert.deepEqual(leftBehind(), []);
    });

    test('a tar of another length than the manifest says', async () => {
      const stored = context.store.versions.find(({ fileName }) => fileName.endsWith('.COMPLETE'));
      assert.ok(stored);
      const text = Buffer.from(JSON.stringify({ ...manifest, tar: { ...manifest.tar, bytes: 1 } }));
      context.store.contents.set(stored.fileId, text);
      Object.assign(stored, { contentLength: text.length });
      await assert.rejects(run({}), { kind: 'damaged', message: /bytes, the manifest says 1$/ });
      assert.ok(!leftBehind().includes('out'));
    });

    test('a damaged part: by itself the end; with --keep-going everything behind it is given', async () => {
      flip(1, contentOf(1).length >> 1);
      await assert.rejects(run({}), { kind: 'damaged' });
      assert.ok(!leftBehind().includes('out'));
      rmSync(join(directory, 'out.incomplete'), { recursive: true, force: true });
      assert.equal(await run({ keepGoing: true }), 11);
      const whole = wholeFiles();
      assert.ok(whole.includes('file10') && whole.includes(`file${9 + FILES}`));
      // A part holds 8 KiB, a volume of a chain 25,000 bytes.
      assert.ok(whole.length >= FILES - (profile === 'rfc4880' ? 7 : 4), whole.join(' '));
      assert.match(context.out.notes.join('\n'), /lost: web\.1\.tar\.ab\.gpg.*\n/);
      assert.match(context.out.notes.at(-1) ?? '', /but not all of it: \d members? damaged/);
    });

    test(
      'the first part of a volume, with the key packets whole',
      { skip: profile === 'rfc4880' },
      async () => {
        flip(1, (manifest.volumes[1]?.parts[0]?.[0] ?? 0) - 40);
        assert.equal(await run({ keepGoing: true }), 11);
        assert.ok(wholeFiles().length >= FILES - 4);
      },
    );

    test('key packets that are gone take their volume with them, and no other', async () => {
      contentOf(1).fill(0, 0, 60);
      assert.equal(await run({ keepGoing: true }), 11);
      assert.ok(wholeFiles().length >= FILES - 7);
    });

    test('a volume that is missing: named, the rest is given, and the status says so', async () => {
      drop(1);
      await assert.rejects(run({}), { kind: 'partial' });
      assert.equal(await run({ unfinalized: true }), 5);
      assert.match(context.out.notes.join('\n'), /lost: web\.1\.tar\.ab\.gpg is missing/);
      assert.ok(wholeFiles().length >= FILES - 7);
    });

    test('the last volume missing: the tar is ended properly', async () => {
      drop(manifest.volumes.length - 1);
      assert.equal(
        await run({ unfinalized: true, target: { kind: 'file', path: join(directory, 'x.tar') } }),
        5,
      );
      const listed = spawnSync('tar', ['-tf', join(directory, 'x.tar')], { encoding: 'utf8' });
      assert.equal(listed.status, 0, listed.stderr);
      assert.ok(listed.stdout.includes('./file10'));
    });

    test('a damaged manifest locks nobody out: the volumes are taken as they are', async () => {
      const stored = context.store.versions.find(({ fileName }) => fileName.endsWith('.COMPLETE'));
      assert.ok(stored);
      context.store.contents.get(stored.fileId)?.fill(0x7b, 0, 10);
      await assert.rejects(run({}), { kind: 'damaged', message: /not JSON|COMPLETE/ });
      assert.equal(await run({ unfinalized: true }), 5);
      assert.equal(wholeFiles().length, FILES);
      assert.match(context.out.notes.join('\n'), /no manifest that can be read.*cannot be proven/);
    });

    test('a whole archive is what it was with --keep-going, too', async () => {
      const path = join(directory, 'whole.tar');
      assert.equal(await run({ keepGoing: true, target: { kind: 'file', path } }), 0);
      assert.ok(readFileSync(path).equals(tar));
    });

    for (const [program, codec, extension] of [
      ['zstd', 'zstd', '.zst'],
      ['bzip2', 'bzip2', '.bz2'],
      ['xz', 'xz', '.xz'],
    ] as const) {
      test(
        `chunks of ${codec}: those behind the damage are read`,
        { skip: skipWithout(program) },
        async () => {
          const chunks: Buffer[] = [];
          for (let at = 0; at < tar.length; at += 10_240)
            chunks.push(execFileSync(program, ['-c'], { input: tar.subarray(at, at + 10_240) }));
          await again(Buffer.concat(chunks), { codec, extension });
          flip(1, contentOf(1).length >> 1);
          await assert.rejects(run({}), { kind: 'damaged' });
          assert.ok(!leftBehind().includes('out'));
          rmSync(join(directory, 'out.incomplete'), { recursive: true, force: true });
          assert.equal(await run({ keepGoing: true }), 11);
          const whole = wholeFiles();
          assert.ok(whole.includes('file10') && whole.includes(`file${9 + FILES}`));
          assert.ok(whole.length >= FILES - 10, whole.join(' '));
        },
      );
    }

    test('gzip: what lies before the damage is given, and why nothing behind it', async () => {
      await again(execFileSync('gzip', ['-c'], { input: tar }), { codec: 'gzip', extension: '.gz' });
      flip(1, contentOf(1).length >> 1);
      assert.equal(await run({ keepGoing: true }), 11);
      assert.ok(wholeFiles().includes('file10'));
      assert.match(context.out.notes.join('\n'), /a gzip stream cannot be read behind damage/);
    });

    test('compressed by a wrapper script: its extension says how, or the stream itself', async () => {
      const gz = execFileSync('gzip', ['-c'], { input: tar });
      for (const [codec, extension] of [
        ['slowgzip', '.gz'],
        ['mine', '.my'],
        ['xz', '.xz'],
      ] as const) {
        await again(gz, { codec, extension });
        rmSync(join(directory, 'out'), { recursive: true, force: true });
        assert.equal(await run({}), 0);
        assert.equal(wholeFiles().length, FILES);
      }
    });

    test('compressed by what nobody knows: -o gives what is stored, the others say so', async () => {
      const packed = Buffer.concat([Buffer.from('odd'), tar]);
      await again(packed, { codec: 'mine', extension: '.my' });
      await assert.rejects(run({}), {
        kind: 'usage',
        message: /compressed by mine, which no known program decompresses/,
      });
      const path = join(directory, 'kept.my');
      assert.equal(await run({ target: { kind: 'file', path } }), 0);
      assert.ok(readFileSync(path).equals(packed));
      assert.ok(!existsSync(`${path}.part.state`));
    });
  });
}
