import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../src/errors.js';
import {
  restore,
  type RestoreContext,
  type RestoreOptions,
  type RestoreTarget,
} from '../../src/cli/restore.js';
import type { SmallEngine } from '../sealing/sealed-volume.js';
import type { TestContext } from './context.js';
import type { MemoryStore } from './memory-store.js';
import { addSealed, restoreContext, scratch, type Scratch } from './sealed-archive.js';

const VOLUME = 25_000;

const into = (target: RestoreTarget, more: Partial<RestoreOptions> = {}): RestoreOptions => ({
  host: 'web',
  number: undefined,
  unfinalized: false,
  target,
  quiet: true,
  ...more,
});

for (const profile of ['librepgp', 'rfc4880', 'rfc9580'] as const) {
  describe(`restore of ${profile}`, () => {
    let files: Scratch;
    let context: TestContext & RestoreContext;
    let engine: SmallEngine;

    before(async () => {
      files = scratch();
      ({ context, engine } = await restoreContext(profile));
      const gz = execFileSync('gzip', ['-c'], { input: files.tar });
      await addSealed(
        context.store,
        engine,
        { host: 'web', number: 1, ageDays: 9, codec: 'gzip', extension: '.gz' },
        gz,
        VOLUME,
        files.tar.length,
      );
      await addSealed(
        context.store,
        engine,
        { host: 'plain', number: 1, ageDays: 9 },
        files.tar,
        VOLUME,
        files.tar.length,
      );
    });
    after(async () => {
      await engine.close();
      files.dispose();
    });

    test('-C: unpacks everything, or only what is asked for', async () => {
      for (const host of ['web', 'plain']) {
        const path = join(files.directory, host, 'made on the way');
        assert.equal(await restore(context, into({ kind: 'directory', path, paths: [] }, { host })), 0);
        assert.equal(spawnSync('diff', ['-r', files.source, path], { encoding: 'utf8' }).stdout, '');
      }
      const path = join(files.directory, 'picked');
      await restore(context, into({ kind: 'directory', path, paths: ['./share/sub'] }));
      assert.deepEqual(readdirSync(join(path, 'share')), ['sub']);
    });

    test('-o: the tar, or what is stored where the name says so', async () => {
      const tar = join(files.directory, 'whole.tar');
      await restore(context, into({ kind: 'file', path: tar }));
      assert.ok(readFileSync(tar).equals(files.tar));
      const stored = join(files.directory, 'whole.tar.gz');
      await restore(context, into({ kind: 'file', path: stored }));
      assert.ok(execFileSync('gzip', ['-dc', stored], { maxBuffer: 1 << 30 }).equals(files.tar));
      assert.equal(statSync(stored).mode & 0o777, 0o600);
      await assert.rejects(restore(context, into({ kind: 'file', path: stored })), { kind: 'usage' });
    });

    test('-o goes on after the last whole volume of an interrupted run', async () => {
      const path = join(files.directory, 'resumed.tar');
      const target = { kind: 'file', path } as const;
      const { store } = context;
      const download: MemoryStore['download'] = (...asked) => store.download(...asked);
      const plain = store.versions
        .filter(({ fileName }) => fileName.startsWith('plain.1.tar.a'))
        .map(({ fileId }) => fileId);
      assert.ok(plain.length >= 3);
      const asked = new Set<string>();
      const flaky = {
        ...store,
        download(...range: Parameters<MemoryStore['download']>) {
          const [fileId] = range;
          asked.add(fileId);
          if (fileId === plain[2]) throw new Failure('unavailable', 'cut');
          return download(...range);
        },
      };
      const broken = { ...context, openBuckets: () => Promise.resolve([{ name: 'bucket', store: flaky }]) };
      await assert.rejects(restore(broken, into(target, { host: 'plain' })), /cut/);
      assert.ok(!existsSync(path));
      const before = statSync(`${path}.part`).size;
      assert.ok(before >= VOLUME);
      // Something half-written behind the last whole volume must not count.
      writeFileSync(`${path}.part`, 'junk', { flag: 'a' });

      asked.clear();
      const watched = {
        ...store,
        download(...range: Parameters<MemoryStore['download']>) {
          asked.add(range[0]);
          return download(...range);
        },
      };
      await restore(
        { ...context, openBuckets: () => Promise.resolve([{ name: 'bucket', store: watched }]) },
        into(target, { host: 'plain' }),
      );
      assert.ok(readFileSync(path).equals(files.tar));
      assert.ok(!asked.has(plain[0] ?? ''), 'the first volume was not fetched again');
      assert.deepEqual(
        readdirSync(files.directory).filter((name) => name.startsWith('resumed')),
        ['resumed.tar'],
      );
    });

    test('-o goes on inside a volume, where what has come of it was authenticated', async () => {
      const { context: other, engine: its } = await restoreContext(profile);
      const { store } = other;
      const { volumes } = await addSealed(
        store,
        its,
        { host: 'web', number: 1, ageDays: 9 },
        files.tar,
        1e9,
        files.tar.length,
        profile,
      );
      const [volume] = volumes;
      assert.ok(volume !== undefined && volume.parts.length > 8);
      const path = join(files.directory, 'inside.tar');
      const asked: number[] = [];
      const upTo = (limit: number): typeof other => {
        asked.length = 0;
        const cut = {
          ...store,
          download(...call: Parameters<MemoryStore['download']>) {
            const [fileId, range] = call;
            if (fileId === volume.fileId) {
              asked.push(range.from);
              // The key packets are always there.
              if (range.from > 0 && range.to > limit) throw new Failure('unavailable', 'cut');
            }
            return store.download(...call);
          },
        };
        return { ...other, openBuckets: () => Promise.resolve([{ name: 'bucket', store: cut }]) };
      };
      const half = volume.bytes / 2;
      await assert.rejects(restore(upTo(half), into({ kind: 'file', path })), /cut/);
      const singly = profile !== 'rfc4880';
      assert.equal(existsSync(`${path}.part`), singly);
      if (singly) {
        const written = statSync(`${path}.part`).size;
        assert.ok(written > half / 2 && written < half, String(written));
        assert.ok(readFileSync(`${path}.part`).equals(files.tar.subarray(0, written)));
        assert.match(
          other.out.notes.join('\n'),
          /holds 0 volumes and [\d.]+ KiB of the next: the same command goes on/,
        );
        // And breaks off once more, a little later.
        await assert.rejects(restore(upTo(half * 1.5), into({ kind: 'file', path })), /cut/);
        assert.ok(statSync(`${path}.part`).size > written);
      }
      assert.equal(await restore(upTo(Infinity), into({ kind: 'file', path })), 0);
      assert.ok(readFileSync(path).equals(files.tar));
      // The key packets at the beginning are read again.
      if (singly)
        assert.ok(
          Math.min(...asked.filter((from) => from > 0)) > half,
          'the first half was not fetched again',
        );
      assert.ok(!existsSync(`${path}.part.state`));
      await its.close();
    });

    test('--dry-run says what would be fetched, and writes nothing', async () => {
      const path = join(files.directory, 'not made');
      const said = async (target: RestoreTarget): Promise<string> => {
        context.out.text = '';
        assert.equal(await restore(context, into(target, { dryRun: true })), 0);
        return context.out.text;
      };
      assert.match(
        await said({ kind: 'directory', path, paths: [] }),
        /^would restore web #1, stored \S+ \S+ UTC, into .*not made: \d+ volumes, [\d.]+ KiB to fetch, a tar of [\d.]+ KiB\n$/,
      );
      assert.match(await said({ kind: 'file', path }), /, to .*not made: /);
      assert.match(await said({ kind: 'stdout' }), /, to standard output: /);
      assert.ok(!existsSync(path) && !existsSync(`${path}.part`));
      await assert.rejects(said({ kind: 'directory', path: files.directory, paths: [] }), /not empty/);
      await assert.rejects(said({ kind: 'file', path: files.directory }), /exists already/);
    });

    test('damage in the last volume is reported, with its name', async () => {
      const { context: other, engine: its } = await restoreContext(profile);
      const { volumes } = await addSealed(
        other.store,
        its,
        { host: 'web', number: 1, ageDays: 9 },
        files.tar,
        VOLUME,
        files.tar.length,
      );
      const content = other.store.contents.get(volumes.at(-1)?.fileId ?? '');
      assert.ok(content);
      content[content.length - 20] = (content[content.length - 20] ?? 0) ^ 1;
      await assert.rejects(
        restore(other, into({ kind: 'file', path: join(files.directory, 'damaged.tar') })),
        { kind: 'damaged' },
      );
      assert.ok(!existsSync(join(files.directory, 'damaged.tar')));
      await its.close();
    });

    test('a wrong passphrase is damage or a wrong passphrase, never an empty success', async () => {
      const { context: other, engine: its } = await restoreContext(profile, 'wrong');
      await addSealed(
        other.store,
        its,
        { host: 'web', number: 1, ageDays: 9 },
        files.tar,
        VOLUME,
        files.tar.length,
      );
      const path = join(files.directory, 'wrong');
      await assert.rejects(restore(other, into({ kind: 'directory', path, paths: [] })), /wrong passphrase/);
      await its.close();
    });

    test('a target with something in it, a member that is not there, and no finished archive are refused', async () => {
      const path = join(files.directory, 'picked');
      await assert.rejects(restore(context, into({ kind: 'directory', path, paths: [] })), /not empty/);
      const fresh = join(files.directory, 'none of it');
      await assert.rejects(
        restore(context, into({ kind: 'directory', path: fresh, paths: ['./nothing'] })),
        /tar ended with status 2.*nothing: Not found/,
      );
      await assert.rejects(restore(context, into({ kind: 'stdout' }, { number: 7 })), { kind: 'notFound' });
      await addSealed(
        context.store,
        engine,
        { host: 'half', number: 1, ageDays: 9, state: 'none' },
        files.tar,
        VOLUME,
        files.tar.length,
      );
      await assert.rejects(restore(context, into({ kind: 'stdout' }, { host: 'half' })), { kind: 'partial' });
      const out = join(files.directory, 'half.tar');
      await restore(context, into({ kind: 'file', path: out }, { host: 'half', unfinalized: true }));
      assert.ok(readFileSync(out).equals(files.tar));
      assert.match(context.out.notes.join('\n'), /warning: half #1 is unfinished/);
    });
  });
}
