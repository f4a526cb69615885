/** File info that lies: whoever can write to the bucket copies it from a genuine COMPLETE, and listings, retention and reruns see it first. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EXIT_STATUS } from '../../src/errors.js';
import type { BucketView } from '../support/b2-server/inspect.js';
import { BUCKET, Journey, type Ended } from './harness.js';

describe('a forger who lies in file info', () => {
  let journey: Journey;
  let bucket: BucketView;
  const tars = new Map<string, Buffer>();
  before(async () => {
    journey = await Journey.begin();
    bucket = journey.server.bucket(BUCKET);
    for (const number of ['4', '5', '6']) {
      const tree = join(journey.directory, `tree${number}`);
      mkdirSync(tree);
      journey.write(`tree${number}/file`, Buffer.alloc(6_000_000, `web ${number} `));
      const tar = spawnSync('tar', ['-C', tree, '--sort=name', '-cf', '-', '.'], { maxBuffer: 64 << 20 });
      tars.set(number, tar.stdout);
    }
    for (const number of ['4', '5']) {
      const { status, output } = await archive('web', number);
      assert.equal(status, EXIT_STATUS.ok, output);
    }
  });
  after(() => journey.end());

  /** @param says what tarCreate says at its end */
  const archive = (host: string, number: string, says = '0 errors'): Promise<Ended> => {
    const tarCreate = journey.tarCreate(
      `tar -C '${journey.directory}/tree${number}' --sort=name -cf - . && echo 'Done: 3 files, 5000 bytes, 1 dirs, 0 specials, ${says}' >&2`,
    );
    const words = journey.positionals(tarCreate, { host, number });
    return journey.archiveHost(['--split-size', '5M', ...words]).ended;
  };
  const infoOf = (name: string): Record<string, string> => ({ ...bucket.file(name)?.fileInfo });
  const now = (): Set<string> => new Set(bucket.versions().map(({ fileId }) => fileId));
  /** A COMPLETE of no volumes, with the marks of this installation. */
  const claim = (host: string, number: string): void => {
    const name = 'web.4.tar.COMPLETE';
    const said = JSON.parse(bucket.read(name).toString()) as Record<string, unknown>;
    const text = JSON.stringify({
      ...said,
      host,
      number: Number(number),
      run: '0123456789abcdef',
      volumes: [],
    });
    bucket.put(`${host}.${number}.tar.COMPLETE`, Buffer.from(text), {
      fileInfo: {
        ...infoOf(name),
        'bb2-host': host,
        'bb2-number': number,
        'bb2-run': '0123456789abcdef',
        'bb2-state': 'finished',
        'bb2-volumes': '0',
        'bb2-bytes': '0',
      },
    });
  };
  let targets = 0;
  const restore = async (host: string, ...more: readonly string[]): Promise<Ended & { tar?: Buffer }> => {
    const target = join(journey.directory, `restored-${targets++}`);
    const ended = await journey.companion(['restore', '--host', host, '-o', target, ...more]);
    return { ...ended, ...(existsSync(target) ? { tar: readFileSync(target) } : {}) };
  };
  const isTar = (tar: Buffer | undefined, number: string): boolean =>
    tar?.equals(tars.get(number) ?? Buffer.alloc(0)) === true;

  it('an archive that claims to be stored already: it is stored all the same', async () => {
    claim('web', '6');
    const { status, output } = await archive('web', '6');
    assert.equal(status, EXIT_STATUS.ok, output);
    assert.doesNotMatch(output, /already complete/);
    assert.match(output, /web #6 has a manifest that looks like this installation's, and is unproven: /);
    const restored = await restore('web', '--number', '6');
    assert.equal(restored.status, EXIT_STATUS.ok, restored.output);
    assert.ok(isTar(restored.tar, '6'));
  });

  it('the same over a genuine archive, which is archived once more: nothing of it is removed', async () => {
    const before = now();
    claim('web', '5');
    const { status, output } = await archive('web', '5');
    assert.equal(status, EXIT_STATUS.ok, output);
    const left = now();
    assert.deepEqual(
      [...before].filter((fileId) => !left.has(fileId)),
      [],
    );
    assert.match(output, /web #5 is already complete in B2/);
    const restored = await restore('web', '--number', '5');
    assert.ok(isTar(restored.tar, '5'), restored.output);
    bucket.keepOnly(before);
  });

  it('finished archives that are said to be partial: restored, verified, counted as kept', async () => {
    const before = now();
    for (const [number, contents] of [
      ['4', 'not even a manifest'],
      ['5', undefined],
    ] as const) {
      const name = `web.${number}.tar.COMPLETE`;
      bucket.put(name, contents === undefined ? bucket.read(name) : Buffer.from(contents), {
        fileInfo: { ...infoOf(name), 'bb2-state': 'partial' },
      });
    }
    for (const number of ['4', '5']) {
      const restored = await restore('web', '--number', number);
      assert.equal(restored.status, EXIT_STATUS.ok, restored.output);
      assert.ok(isTar(restored.tar, number));
      const verified = await journey.companion(['verify', '--host', 'web', '--number', number]);
      assert.equal(verified.status, EXIT_STATUS.ok, verified.output);
    }
    for (const directory of [journey.outLoc, join(journey.directory, 'elsewhere')]) {
      const shown = await journey.companion(
        ['delete', '--host', 'web', '--keep', '3', '--keep-daily', '1', '--dry-run'],
        directory,
      );
      for (const number of ['4', '5', '6'])
        assert.match(shown.output, new RegExp(`web +${number} +finished .* keep +one of the 3 newest`));
    }
    bucket.keepOnly(before);
  });

  it('a partial archive that is said to be finished: neither the newest, nor good, nor counted as kept, nor taken for stored', async () => {
    const said = (await archive('half', '4')).status;
    assert.equal(said, EXIT_STATUS.ok);
    const { status, output } = await archive('half', '5', '1 errors');
    assert.equal(status, EXIT_STATUS.partial, output);
    const name = 'half.5.tar.COMPLETE';
    bucket.put(name, bucket.read(name), { fileInfo: { ...infoOf(name), 'bb2-state': 'finished' } });
    const newest = await restore('half');
    assert.equal(newest.status, EXIT_STATUS.ok, newest.output);
    assert.ok(isTar(newest.tar, '4'));
    const named = await restore('half', '--number', '5');
    assert.equal(named.status, EXIT_STATUS.partial, named.output);
    assert.equal(named.tar, undefined);
    const verified = await journey.companion(['verify', '--host', 'half', '--number', '5']);
    assert.equal(verified.status, EXIT_STATUS.partial, verified.output);
    for (const directory of [journey.outLoc, join(journey.directory, 'elsewhere')]) {
      const words = ['delete', '--host', 'half', '--keep', '1', '--keep-daily', '1', '--dry-run'];
      const shown = await journey.companion(words, directory);
      assert.match(shown.output, /half +4 +finished .* keep +newest finished archive/);
      assert.match(shown.output, /half +5 +partial .* delete/);
    }
    const again = await archive('half', '5');
    assert.equal(again.status, EXIT_STATUS.ok, again.output);
    const whole = await restore('half', '--number', '5');
    assert.equal(whole.status, EXIT_STATUS.ok, whole.output);
    assert.ok(isTar(whole.tar, '5'));
  });
});
