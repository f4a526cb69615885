/** Archives of volumes cut by content, killed at telling moments and run again: whole, nothing beside it, no nonce with two plaintexts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Manifest } from '../../src/catalog/manifest.js';
import type { Counted, CrashPoint } from '../crash/failpoint.js';
import { Observer } from '../crash/observer.js';
import { filePoints, nameOf, sentPoints } from '../crash/points.js';
import { GpgHome } from '../support/gpg.js';
import { seededRandom } from '../support/b2-server/random.js';
import { BUCKET, Journey, PASSPHRASE, type Ended } from './harness.js';

const FAILPOINT = new URL('../crash/failpoint.js', import.meta.url).href;
const HOST = 'crash';
const FILE_POINTS = 3;
const SENT_POINTS = 2;

/** Two backups of a tree: most of the second is in the first. */
class Backups {
  readonly before: string;
  readonly after: string;

  constructor(directory: string) {
    const tree = join(directory, 'tree');
    for (let i = 0; i < 12; i++) {
      mkdirSync(join(tree, `d${i % 3}`), { recursive: true });
      writeFileSync(join(tree, `d${i % 3}`, `f${i}`), randomFillSync(Buffer.alloc(60_000)));
    }
    this.before = tarOf(tree, join(directory, 'before.tar'));
    for (const name of ['d0/f3', 'd1/f7', 'd2/new'])
      writeFileSync(join(tree, name), randomFillSync(Buffer.alloc(60_000)));
    this.after = tarOf(tree, join(directory, 'after.tar'));
  }
}

function tarOf(tree: string, path: string): string {
  execFileSync('tar', ['-C', tree, '--sort=name', '-cf', path, '.']);
  return path;
}

class Site {
  readonly journey: Journey;
  readonly observer: Observer;

  private constructor(journey: Journey) {
    this.journey = journey;
    this.observer = new Observer(journey.server, BUCKET);
  }

  static async begin(): Promise<Site> {
    return new Site(await Journey.begin({ keepPartBytes: true }));
  }

  async run(number: number, tar: string, point?: CrashPoint): Promise<Ended> {
    const { journey } = this;
    const source = journey.tarCreate(
      `cat '${tar}' && echo 'Done: 9 files, 5000 bytes, 2 dirs, 0 specials, 0 errors' >&2`,
    );
    const words = journey.positionals(source, { host: HOST, number: String(number) });
    const ended = await journey.archiveHost(['--reuse', '--reuse-volume', '64K', ...words], {
      NODE_OPTIONS: `--import=${FAILPOINT}`,
      CRASH_DIRECTORY: journey.outLoc,
      CRASH_COUNT: this.#count,
      ...(point === undefined ? {} : { CRASH_POINT: JSON.stringify(point) }),
    }).ended;
    this.observer.look();
    return ended;
  }

  get counted(): Counted {
    return JSON.parse(readFileSync(this.#count, 'utf8')) as Counted;
  }

  get #count(): string {
    return join(this.journey.directory, 'count');
  }

  async verify(gpg: GpgHome, number: number, tar: string): Promise<void> {
    const { server, outLoc } = this.journey;
    const bucket = server.bucket(BUCKET);
    const { volumes } = JSON.parse(bucket.read(`${HOST}.${number}.tar.COMPLETE`).toString()) as Manifest;
    const pieces: Buffer[] = [];
    for (const { name } of volumes) pieces.push(await gpg.decrypt(bucket.read(name), PASSPHRASE));
    assert.ok(Buffer.concat(pieces).equals(readFileSync(tar)), 'the tar came back byte for byte');
    const versions = bucket.versions().filter(({ fileName }) => fileName.startsWith(`${HOST}.${number}.tar`));
    assert.equal(versions.filter(({ fileName }) => fileName.includes('/')).length, volumes.length);
    assert.equal(
      new Set(versions.map(({ fileName }) => fileName)).size,
      versions.length,
      'no second versions',
    );
    assert.deepEqual(
      readdirSync(outLoc).filter((name) => /\.(journal|keys|tmp)/.test(name)),
      [],
    );
    this.observer.assertNoNonceReuse();
    assert.deepEqual(server.defects, []);
  }
}

test('killed at a sample of moments, run again: the second archive is whole, and the third copies from it', async () => {
  const counting = await Site.begin();
  const gpg = new GpgHome();
  try {
    const backups = new Backups(counting.journey.directory);
    const started = await counting.run(1, backups.before);
    assert.equal(started.status, 0, started.output);
    assert.equal((await counting.run(2, backups.after)).status, 0);
    await counting.verify(gpg, 2, backups.after);

    const files = filePoints(counting.counted);
    const points: CrashPoint[] = [
      // Other ones at every run: over time they are all of them.
      ...Array.from({ length: FILE_POINTS }, () => files[Math.floor(Math.random() * files.length)]).filter(
        (point) => point !== undefined,
      ),
      ...sentPoints(counting.counted, SENT_POINTS, seededRandom(4)),
    ];
    for (const point of points) {
      const site = await Site.begin();
      try {
        assert.equal((await site.run(1, backups.before)).status, 0);
        const killed = await site.run(2, backups.after, point);
        if (killed.status !== 0) {
          const rerun = await site.run(2, backups.after);
          assert.equal(rerun.status, 0, rerun.output);
        }
        await site.verify(gpg, 2, backups.after);
        const third = await site.run(3, backups.after);
        assert.equal(third.status, 0, third.output);
        assert.match(third.output, /copied .* in B2/);
        await site.verify(gpg, 3, backups.after);
      } catch (error) {
        throw new Error(`killed ${nameOf(point)}: ${String(error)}`, { cause: error });
      } finally {
        await site.journey.end();
      }
    }
  } finally {
    gpg.remove();
    await counting.journey.end();
  }
});
