/** Volumes that B2 does not take although the rest goes on: how often they are sent. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EXIT_STATUS } from '../../src/errors.js';
import { BUCKET, Journey, type Ended } from './harness.js';

const MB = 1_000_000;
const [FIRST, SECOND] = ['web.example.12.tar.aa.gpg', 'web.example.12.tar.ab.gpg'] as const;

/** An archive of four volumes. */
class Site {
  readonly journey: Journey;

  static async begin(t: TestContext): Promise<Site> {
    const journey = await Journey.begin();
    t.after(() => journey.end());
    mkdirSync(join(journey.directory, 'tree'));
    journey.write('tree/a', randomFillSync(Buffer.alloc(21 * MB)));
    return new Site(journey);
  }

  private constructor(journey: Journey) {
    this.journey = journey;
  }

  async archive(...flags: readonly string[]): Promise<Ended> {
    const tarCreate = this.journey.tarOf(join(this.journey.directory, 'tree'));
    return await this.journey.archiveHost([
      ...['-v', '--part-size', '5M', '--split-size', '6M', '--connections', '2', ...flags],
      ...this.journey.positionals(tarCreate),
    ]).ended;
  }

  /** How often B2 was asked to. */
  count(operation: string, fileName: string): number {
    const { requests } = this.journey.server;
    return requests.filter((one) => one.operation === operation && one.fileName === fileName).length;
  }

  get names(): string[] {
    return this.journey.server.bucket(BUCKET).names();
  }
}

const GONE = { kind: 'status', status: 400, code: 'bad_request', message: 'not an active upload' } as const;
const NO_SPACE = {
  kind: 'status',
  status: 503,
  code: 'service_unavailable',
  message: 'not enough space in c001_v0001234_t0042',
} as const;

describe('a volume that B2 does not accept', { concurrency: 2 }, () => {
  it('no space at the finish: waited for, then sent once more, and no more in this run; the next one goes on', async (t) => {
    const site = await Site.begin(t);
    const { faults } = site.journey.server;
    const { name } = faults.add({ on: 'finish_large_file', file: SECOND, fault: NO_SPACE });
    const failed = await site.archive('--patience', '1s');
    assert.equal(failed.status, EXIT_STATUS.unavailable, failed.output);
    assert.match(failed.lastLine, /^volume 2: .*not enough space .*gave up after 2 readings of the source/);
    assert.match(failed.output, /run the archive again later: finished volumes are kept/);
    assert.equal(site.count('b2_start_large_file', SECOND), 2);
    const finishes = site.count('b2_finish_large_file', SECOND);
    assert.ok(finishes >= 6, `${finishes} tries: each of the two was waited for`);
    faults.remove(name);
    const rerun = await site.archive();
    assert.equal(rerun.status, EXIT_STATUS.ok, rerun.output);
    assert.equal(site.count('b2_start_large_file', FIRST), 1);
    assert.ok(site.names.includes('web.example.12.tar.COMPLETE'));
    assert.equal(site.journey.server.bucket(BUCKET).unfinished().length, 0);
  });

  for (const [operation, file, moment] of [
    ['upload_part', SECOND, 'in the middle of it'],
    ['finish_large_file', SECOND, 'at its finish'],
    ['upload_part', FIRST, 'while others are finished each time'],
  ] as const) {
    it(`gone ${moment}, again and again: sent twice, then left to the next run`, async (t) => {
      const site = await Site.begin(t);
      const { name } = site.journey.server.faults.add({ on: operation, file, fault: GONE });
      const failed = await site.archive();
      assert.equal(failed.status, EXIT_STATUS.unavailable, failed.output);
      assert.equal(site.count('b2_start_large_file', file), 2);
      site.journey.server.faults.remove(name);
      const rerun = await site.archive();
      assert.equal(rerun.status, EXIT_STATUS.ok, rerun.output);
      assert.equal(site.count('b2_start_large_file', file), 3);
      assert.ok(site.names.includes('web.example.12.tar.COMPLETE'));
    });
  }

  it('each of them gone once: all are sent once more, in one run', async (t) => {
    const site = await Site.begin(t);
    for (const file of [FIRST, SECOND])
      site.journey.server.faults.add({ on: 'finish_large_file', file, nth: 1, fault: GONE });
    const { status, output } = await site.archive();
    assert.equal(status, EXIT_STATUS.ok, output);
    assert.deepEqual(site.journey.server.faults.unfired, []);
    assert.ok(site.names.includes('web.example.12.tar.COMPLETE'));
  });
});
