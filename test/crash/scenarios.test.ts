/** Killed half-way, and then something else is different too. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EXIT_STATUS } from '../../src/errors.js';
import { BUCKET, type Running } from '../journeys/harness.js';
import { CrashSite, PART_BYTES } from './crash-site.js';
import type { CrashPoint } from './failpoint.js';
import { Material } from './material.js';
import { flipped, grown, lengthened, shortened } from './tars.js';
import { mountSmallDisk } from '../support/small-disk.js';
import { skipped } from '../support/debian.js';

const MB = 1_000_000;
/** The first volume is being finished, the second is half sent. */
const HALF_WAY: CrashPoint = { kind: 'sent', bytes: 17 * MB };
/** Two parts of the first volume are on their way. */
const EARLY: CrashPoint = { kind: 'sent', bytes: 7 * MB };

/** A run that reads the source once more breaks off what is in flight, too. */
const READ_AGAIN = { breaks: Infinity };

describe('killed, and then', { concurrency: 2 }, () => {
  let material: Material;
  before(() => {
    material = new Material();
  });
  after(() => {
    material.remove();
  });

  /** A site that was killed at `point`. */
  const killedSite = async (
    point: CrashPoint,
    options?: Parameters<typeof CrashSite.begin>[0],
  ): Promise<CrashSite> => {
    const site = await CrashSite.begin(options);
    const killed = await site.run(material.tar, point);
    assert.equal(killed.signal, 'SIGKILL', killed.output);
    return site;
  };

  const changes: [name: string, change: (tar: Buffer) => Buffer][] = [
    ['a byte of the first part differs', (tar) => flipped(tar, 1 * MB)],
    ['a byte of the second part differs', (tar) => flipped(tar, 8 * MB)],
    ['a byte of the second volume differs', (tar) => flipped(tar, 14 * MB)],
    ['everything has shifted', (tar) => grown(tar, 3 * MB)],
    ['it is shorter by a volume', (tar) => shortened(tar, 20 * MB)],
    ['it ends within the first part', (tar) => shortened(tar, 4 * MB)],
    ['it ends with the second part of the first volume', (tar) => shortened(tar, 2 * PART_BYTES)],
    ['it ends with the first volume', (tar) => shortened(tar, 11 * 1024 * 1024)],
    ['it is longer', (tar) => lengthened(tar, 12 * MB)],
  ];
  for (const [index, [name, change]] of changes.entries()) {
    it(`the source has changed: ${name}`, async () => {
      for (const point of [EARLY, HALF_WAY]) {
        const site = await killedSite(point);
        try {
          const tar = material.changed(`changed-${index}`, change);
          await site.finish(tar);
          await site.verify(material.gpg, tar, Infinity, READ_AGAIN);
        } finally {
          await site.end();
        }
      }
    });
  }

  it('the source changes before every run, each of which is killed', async () => {
    const site = await CrashSite.begin();
    try {
      let tar = material.tar;
      for (let run = 0; run < 5; run++) {
        await site.run(tar, { kind: 'sent', bytes: (4 + 4 * run) * MB });
        // It had so much already that it came to its end.
        if (site.isDone) break;
        tar = material.changed('again', (original) => flipped(original, (2 + 5 * (run % 4)) * MB + run));
      }
      if (!site.isDone) await site.finish(tar);
      await site.verify(material.gpg, tar, Infinity, READ_AGAIN);
    } finally {
      await site.end();
    }
  });

  it('B2 has lost the unfinished file', async () => {
    for (const point of [EARLY, HALF_WAY]) {
      const site = await killedSite(point);
      try {
        await site.cancelUnfinished();
        const { output } = await site.finish(material.tar);
        assert.match(output, /starts over: B2 does not have its unfinished file any more/);
        await site.verify(material.gpg, material.tar, 2 * PART_BYTES);
      } finally {
        await site.end();
      }
    }
  });

  it('other options or keys: started over, nothing mixed, nothing left', async () => {
    const variants: [flags: () => string[], reason: RegExp][] = [
      [() => ['--openpgp-profile', 'rfc4880'], /OpenPGP profile was librepgp, is rfc4880/],
      [() => ['--prefix', 'other/'], /prefix was not set, is other\//],
    ];
    for (const [flags, reason] of variants) {
      const site = await killedSite(HALF_WAY);
      try {
        const { output } = await site.finish(material.tar, flags());
        assert.match(output, reason);
        if (flags()[0] !== '--prefix') await site.verify(material.gpg, material.tar, Infinity);
        assert.deepEqual(site.journey.server.bucket(BUCKET).unfinished(), []);
        site.observer.assertNoNonceReuse();
      } finally {
        await site.end();
      }
    }
  });

  it('another passphrase: started over', async () => {
    const site = await killedSite(HALF_WAY);
    try {
      const other = site.journey.write('other-passphrase', 'another one\n', 0o600);
      const { output } = await site.finish(material.tar, ['--passphrase-file', other]);
      assert.match(output, /the passphrases or recipients are others/);
      assert.deepEqual(site.stateFiles(), []);
      site.observer.assertNoNonceReuse();
    } finally {
      await site.end();
    }
  });

  it("the journal is lost: started over, and in the end what this installation's dead run left is removed", async () => {
    const site = await killedSite(EARLY);
    try {
      const bucket = site.journey.server.bucket(BUCKET);
      const dead = bucket.unfinished().map(({ fileId }) => fileId);
      assert.ok(dead.length > 0);
      site.loseJournal();
      await site.finish(material.tar);
      const cancelled = site.journey.server.requests.flatMap(({ operation, fileId, status }) =>
        operation === 'b2_cancel_large_file' && status === 200 ? [fileId] : [],
      );
      assert.deepEqual(cancelled.sort(), dead.sort());
      assert.deepEqual(bucket.unfinished(), []);
      await site.verify(material.gpg, material.tar, Infinity);
    } finally {
      await site.end();
    }
  });

  it('the journal is damaged: set aside, started over', async () => {
    const site = await killedSite(HALF_WAY);
    try {
      const bytes = readFileSync(site.journalPath);
      bytes[300] = (bytes[300] ?? 0) ^ 1;
      writeFileSync(site.journalPath, bytes);
      const { output } = await site.finish(material.tar);
      assert.match(
        output,
        /the journal of the last run cannot be used \(record \d+ at offset \d+ is damaged\); it was set aside as/,
      );
      const [aside, ...others] = site.stateFiles().filter((name) => name.includes('.damaged-'));
      assert.ok(aside !== undefined && others.length === 0);
      assert.deepEqual(readFileSync(join(site.stateDirectory, aside)), bytes);
      site.observer.assertNoNonceReuse();
    } finally {
      await site.end();
    }
  });

  it('the journal has lost its end, including records that were on disk: what B2 knows better starts over', async () => {
    const site = await killedSite(HALF_WAY);
    try {
      const saved = join(site.journey.directory, 'saved');
      mkdirSync(saved);
      for (const name of site.stateFiles()) copyFileSync(join(site.stateDirectory, name), join(saved, name));
      const whole = readFileSync(site.journalPath);
      const restoreCut = (cut: number): void => {
        for (const name of readdirSync(saved))
          copyFileSync(join(saved, name), join(site.stateDirectory, name));
        truncateSync(site.journalPath, cut);
      };
      // Each tried by a run that is killed before it can send anything.
      for (const lost of [1, 150, 650]) {
        restoreCut(whole.length - lost);
        const ended = await site.run(material.tar, { kind: 'sent', bytes: 3000 });
        assert.doesNotMatch(ended.output, /set aside/);
      }
      restoreCut(whole.length - 400);
      await site.finish(material.tar);
      await site.verify(material.gpg, material.tar, Infinity);
    } finally {
      await site.end();
    }
  });

  it('the key file is lost: finished volumes are kept, the others start over', async () => {
    const site = await killedSite(HALF_WAY);
    try {
      rmSync(site.journalPath.replace(/\.journal$/, '.keys'));
      const { output } = await site.finish(material.tar);
      assert.match(output, /its session key is no longer at hand/);
      await site.verify(material.gpg, material.tar, Infinity);
    } finally {
      await site.end();
    }
  });

  it('the disk under the journal is full: a clear failure, and the rerun goes on', async (t) => {
    const mount = join(material.directory, 'small');
    mkdirSync(mount);
    const unmount = mountSmallDisk(mount, '48k');
    if (unmount === undefined) {
      t.skip(skipped('mounting a small file system needs root; full-disk.test.ts has the same without one'));
      return;
    }
    const site = await CrashSite.begin({ stateDirectory: mount });
    let failures = 0;
    try {
      // Pages that are left: too few to begin with, then too few to go on.
      for (let room = 0; room < 8 && !site.isDone; room++) {
        const ballast = join(mount, 'ballast');
        writeFileSync(ballast, Buffer.alloc((12 - room) * 4096 - 4096));
        const ended = await site.run(material.tar);
        rmSync(ballast);
        if (ended.status === 0) break;
        assert.equal(ended.status, 9, ended.output);
        assert.match(ended.lastLine, /ENOSPC/);
        failures++;
      }
      assert.ok(failures > 0, 'the disk was full at least once');
      if (!site.isDone) await site.finish(material.tar);
      await site.verify(material.gpg, material.tar, 0);
    } finally {
      unmount();
      await site.end();
    }
  });

  it('the first run is still alive: the second is refused and says which run it is', async () => {
    const site = await CrashSite.begin();
    try {
      site.journey.server.faults.hold({ on: 'upload_part' });
      const first = site.start(material.tar);
      await first.saw(/volume 1: .*started/);
      const second = await site.run(material.tar);
      assert.equal(second.status, 10, second.output);
      assert.match(second.lastLine, new RegExp(`another run \\(pid ${first.pid}\\) is archiving crash 12`));
      first.kill('SIGKILL');
      assert.equal((await first.ended).signal, 'SIGKILL');
    } finally {
      await site.end();
    }
  });

  const stops: [name: string, stop: (site: CrashSite, run: Running) => void, status: number][] = [
    [
      'stopped as BackupPC does it, tarCreate with it',
      (_, run) => {
        process.kill(-run.pid, 'SIGINT');
      },
      EXIT_STATUS.interrupted,
    ],
    [
      'stopped by a signal to us alone',
      (_, run) => {
        run.kill('SIGTERM');
      },
      EXIT_STATUS.interrupted,
    ],
    [
      'tarCreate dies',
      (site) => {
        process.kill(site.tarCreatePid, 'SIGKILL');
      },
      EXIT_STATUS.source,
    ],
    [
      'B2 reports a cap',
      (site) => {
        site.journey.server.faults.add('upload_part=cap');
        // There may be nothing left to send before tarCreate goes on.
        writeFileSync(join(site.journey.directory, 'never'), 'now\n');
      },
      EXIT_STATUS.cap,
    ],
  ];
  // With less memory than by default the workers compress, in chunks so small that parts leave before tarCreate waits.
  const SMALL_CHUNKS = ['--compress', 'gzip', '--memory', '96M'];
  const atOnce = stops.flatMap(([name, stop, status]) =>
    [[], SMALL_CHUNKS].map((flags) => ({ name, stop, status, flags })),
  );
  for (const { name, stop, status, flags } of atOnce) {
    it(`${[name, ...flags].join(' ')}: nothing that B2 has is sent again`, async () => {
      const site = await CrashSite.begin({ server: { bytesPerSecond: { total: 12 * MB } } });
      try {
        // It waits in sh itself: a child of it would hold its output open.
        const never = join(site.journey.directory, 'never');
        execFileSync('mkfifo', [never]);
        const run = site.start(material.tar, undefined, flags, `read line < '${never}'`);
        await run.until(() => site.journey.server.parts.filter(({ stored }) => stored).length >= 2);
        stop(site, run);
        const ended = await run.ended;
        assert.equal(ended.status, status, ended.output);
        site.observer.look();
        site.journey.server.faults.clear();
        const { output } = await site.finish(material.tar, flags);
        assert.match(output, /resuming run .* 0 to start over/);
        assert.doesNotMatch(output, /starts over|reading the source again/);
        const unpack = flags.length === 0 ? 'cat' : 'gzip -dc';
        await site.verify(material.gpg, material.tar, 0, { ...READ_AGAIN, unpack });
      } finally {
        await site.end();
      }
    });
  }

  it('B2 is having a bad day, too', async () => {
    const faults = [
      'upload_part=503@10%',
      'upload_part=reset-body@5%',
      'upload_part=lost@5%',
      'finish_large_file=lost@20%',
      'upload_file=lost@20%',
      '*=500@3%',
    ];
    for (const seed of [1, 2, 3]) {
      const site = await CrashSite.begin({ server: { faults, seed } });
      try {
        for (const bytes of [6 * MB, 12 * MB, 20 * MB]) await site.run(material.tar, { kind: 'sent', bytes });
        site.journey.server.faults.clear();
        if (!site.isDone) await site.finish(material.tar);
        await site.verify(material.gpg, material.tar, Infinity, READ_AGAIN);
      } finally {
        await site.end();
      }
    }
  });
});
