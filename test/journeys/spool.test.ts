/** `--spool`: the source is done long before the line is, a full disk costs nothing but that, and nothing in it is needed after a crash. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { B2Server, Hold } from '../support/b2-server/server.js';
import { GpgHome } from '../support/gpg.js';
import { BUCKET, Journey, PASSPHRASE, type Running } from './harness.js';
import { mountSmallDisk } from '../support/small-disk.js';
import { skipped } from '../support/debian.js';

const MB = 1_000_000;
const PARTS = 6;

describe('--spool', { concurrency: 2 }, () => {
  let gpg: GpgHome;
  before(() => {
    gpg = new GpgHome();
  });
  after(() => {
    gpg.remove();
  });

  /** One part gets through; the others wait until they are let go. */
  const heldJourney = async (t: TestContext): Promise<SpoolJourney> => {
    const journey = await Journey.begin();
    t.after(() => journey.end());
    return new SpoolJourney(journey);
  };

  it('tarCreate is released while the upload is still going on', async (t) => {
    const site = await heldJourney(t);
    const run = site.archive(`${site.spool}:100M`);
    await run.saw(/tar: Done: /);
    await run.until(() => !site.tarCreateLives);
    const { stored } = site;
    assert.ok(stored < PARTS / 2, `${stored} of ${PARTS} parts are in B2 when tarCreate has gone`);
    assert.equal(statSync(site.ownSpool).mode & 0o777, 0o700);
    site.line.release();
    const { status, output } = await run.ended;
    assert.equal(status, 0, output);
    assert.doesNotMatch(output, /warning: (?!s2k_bytes)/);
    await site.assertWhole(gpg);
    assert.deepEqual(readdirSync(site.spool), [], 'nothing is left in the spool');
  });

  it('room for two parts: never more, and the archive is complete', async (t) => {
    const site = await heldJourney(t);
    const run = site.archive(`${site.spool}:11M`);
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, site.spooledBytes())), 10);
    t.after(() => {
      clearInterval(watch);
    });
    await run.until(() => most > 0);
    site.line.release();
    const { status, output } = await run.ended;
    assert.equal(status, 0, output);
    assert.ok(most > 0 && most <= 11 * 1024 * 1024, `${most} bytes`);
    await site.assertWhole(gpg);
  });

  it('a full disk: parts wait in memory, which is said once', async (t) => {
    const site = await heldJourney(t);
    const unmount = mountSmallDisk(site.spool, '12m');
    if (unmount === undefined) {
      t.skip(skipped('mounting a small file system needs root'));
      return;
    }
    try {
      const run = site.archive(`${site.spool}:100M`);
      await run.saw(/cannot write to the spool/);
      site.line.release();
      const { status, output } = await run.ended;
      assert.equal(status, 0, output);
      assert.equal(
        output.match(/warning: cannot write to the spool .*ENOSPC; parts wait in memory instead/g)?.length,
        1,
      );
      await site.assertWhole(gpg);
      assert.deepEqual(readdirSync(site.spool), []);
    } finally {
      unmount();
    }
  });

  for (const [name, signal] of [
    ['killed', 'SIGKILL'],
    ['stopped', 'SIGTERM'],
  ] as const) {
    it(`${name} with parts in the spool: the rerun seals them again and sends what B2 lacks`, async (t) => {
      const site = await heldJourney(t);
      const run = site.archive(`${site.spool}:100M`);
      await run.saw(/tar: Done: /);
      await run.until(() => site.stored >= 1);
      assert.ok(site.spooledBytes() > 0);
      run.kill(signal);
      await run.ended;
      site.line.release();
      const { status, output } = await site.archive(`${site.spool}:100M`).ended;
      assert.equal(status, 0, output);
      assert.match(output, /resuming run .* 1 to continue, 0 to start over/);
      assert.doesNotMatch(output, /starts over|reading the source again/);
      await site.assertWhole(gpg);
      assert.equal(site.stored, PARTS, 'nothing that B2 had was sent again');
      assert.deepEqual(readdirSync(site.spool), []);
    });
  }
});

class SpoolJourney {
  readonly journey: Journey;
  readonly spool: string;
  readonly line: Hold;
  readonly #server: B2Server;
  readonly #tar: string;
  readonly #pidFile: string;

  constructor(journey: Journey) {
    this.journey = journey;
    this.#server = journey.server;
    this.line = journey.server.faults.hold({ on: 'upload_part', from: 2 });
    this.spool = join(journey.directory, 'spool');
    mkdirSync(this.spool);
    mkdirSync(join(journey.directory, 'tree'));
    journey.write('tree/a', randomFillSync(Buffer.alloc(28 * MB)));
    this.#tar = `tar -C '${journey.directory}/tree' --sort=name -cf - .`;
    this.#pidFile = join(journey.directory, 'tarCreate.pid');
  }

  archive(spool: string): Running {
    const tarCreate = this.journey.tarCreate(
      `echo $$ > '${this.#pidFile}'; ${this.#tar} && echo 'Done: 3 files, 5000 bytes, 1 dirs, 0 specials, 0 errors' >&2`,
    );
    return this.journey.archiveHost([
      ...['-v', '--part-size', '5M', '--connections', '2', '--spool', spool],
      ...this.journey.positionals(tarCreate, { host: 'spooled' }),
    ]);
  }

  get tarCreateLives(): boolean {
    return existsSync(`/proc/${readFileSync(this.#pidFile, 'utf8').trim()}`);
  }

  /** Parts that the server has stored, also those that it was given twice. */
  get stored(): number {
    return this.#server.parts.filter((part) => part.stored).length;
  }

  get ownSpool(): string {
    return join(this.spool, `spooled.12.${BUCKET}.spool`);
  }

  spooledBytes(): number {
    try {
      return readdirSync(this.ownSpool)
        .map((name) => statSync(join(this.ownSpool, name)).size)
        .reduce((sum, bytes) => sum + bytes, 0);
    } catch {
      // A file went, or the directory is not there yet.
      return 0;
    }
  }

  async assertWhole(gpg: GpgHome): Promise<void> {
    const sealed = this.#server.bucket(BUCKET).read('spooled.12.tar.gpg');
    const original = spawnSync('sh', ['-c', this.#tar], { maxBuffer: 64 * MB }).stdout;
    assert.ok((await gpg.decrypt(sealed, PASSPHRASE)).equals(original), 'the tar came back byte for byte');
  }
}
