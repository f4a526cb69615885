/** Signals, a listener that goes away, a second run: what BackupPC and operators do to a running archive. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { skipWithoutRoot } from '../support/debian.js';
import type { Hold } from '../support/b2-server/server.js';
import { OWN_PID_NAMESPACE, skipWithoutPidNamespaces } from '../support/pid-namespace.js';
import { BUCKET, Journey, type Running } from './harness.js';

const MB = 1_000_000;
const DAY_MS = 86_400_000;
/** BackupPC's SIGKILL comes so long after its SIGINT. */
const GRACE_MS = 1000;
/** What it takes to start Node on a machine that has nothing else to do. */
const USUAL_START_MS = 60;

/** BackupPC's second, and more on a machine that takes longer for everything just now. */
async function graceMs(): Promise<number> {
  const began = performance.now();
  await promisify(execFile)(process.execPath, ['-e', '0']);
  return GRACE_MS * Math.max(1, (performance.now() - began) / USUAL_START_MS);
}

/** A clock for the program: an hour of waiting is over when it is sent SIGWINCH. */
const hourOnSigwinch = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`
    const real = globalThis.setTimeout;
    const patched = (done, ms, ...more) => {
      if (ms !== 3_600_000) return real(done, ms, ...more);
      process.once('SIGWINCH', done);
      return real(() => undefined, 0);
    };
    globalThis.setTimeout = Object.defineProperties(patched, Object.getOwnPropertyDescriptors(real));
  `)}`,
};

/** Two parts get through to B2, the others wait until they are let go. */
class Site {
  readonly journey: Journey;
  readonly line: Hold;
  /** A tarCreate that reads from it waits for ever. */
  readonly never: string;
  readonly #pidFile: string;

  static async begin(t: TestContext): Promise<Site> {
    const journey = await Journey.begin();
    t.after(() => journey.end());
    return new Site(journey);
  }

  private constructor(journey: Journey) {
    this.journey = journey;
    this.line = journey.server.faults.hold({ on: 'upload_part', from: 3 });
    this.never = join(journey.directory, 'never');
    execFileSync('mkfifo', [this.never]);
    this.#pidFile = join(journey.directory, 'tarCreate.pid');
    mkdirSync(join(journey.directory, 'tree'));
    journey.write('tree/a', randomFillSync(Buffer.alloc(19 * MB)));
  }

  /**
   * @param last what tarCreate does before it says that it is done
   * @param env beside BackupPC's
   * @param within a program that runs the door
   */
  archive(
    flags: readonly string[] = [],
    {
      first = ':',
      last = ':',
      env = {},
      within = [],
    }: { first?: string; last?: string; env?: NodeJS.ProcessEnv; within?: readonly string[] } = {},
  ): Running {
    const { journey } = this;
    const tarCreate = journey.tarCreate(
      `${first}; echo $$ > '${this.#pidFile}'; tar -C '${journey.directory}/tree' --sort=name -cf - . && ${last} && echo 'Done: 3 files, 5000 bytes, 1 dirs, 0 specials, 0 errors' >&2`,
    );
    return journey.archiveHost(
      ['-v', '--part-size', '5M', ...flags, ...journey.positionals(tarCreate)],
      env,
      within,
    );
  }

  /** Two parts are in B2, others are on their way. */
  get isHalfWay(): boolean {
    const { parts, faults } = this.journey.server;
    return faults.unfired.length === 0 && parts.filter(({ stored }) => stored).length >= 2;
  }

  get tarCreateLives(): boolean {
    return existsSync(`/proc/${readFileSync(this.#pidFile, 'utf8').trim()}`);
  }

  get finished(): boolean {
    return this.journey.server.bucket(BUCKET).names().includes('web.example.12.tar.COMPLETE');
  }

  async assertResumes(): Promise<void> {
    assert.equal(this.finished, false, 'nothing looks finished');
    this.line.release();
    const { status, output } = await this.archive().ended;
    assert.equal(status, 0, output);
    assert.match(output, /resuming run .* 1 to continue, 0 to start over/);
    assert.doesNotMatch(output, /starts over|reading the source again/);
    assert.equal(this.finished, true);
  }
}

describe('interrupted', { concurrency: 2 }, () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`${signal} to the group: gone before BackupPC would kill, tarCreate with it, though it does not want to`, async (t) => {
      const site = await Site.begin(t);
      const run = site.archive([], { first: "trap '' INT TERM HUP", last: `read line < '${site.never}'` });
      await run.until(() => site.isHalfWay);
      assert.equal(site.tarCreateLives, true);
      const grace = await graceMs();
      const began = performance.now();
      process.kill(-run.pid, signal);
      const { status, lastLine } = await run.ended;
      const tookMs = performance.now() - began;
      assert.equal(status, 12);
      assert.equal(lastLine, `stopped by ${signal}; what B2 has is kept`);
      // BackupPC, which has signalled, reads no more.
      assert.match(
        readFileSync(join(site.journey.outLoc, 'web.example.12.log'), 'utf8'),
        new RegExp(`^[-\\d]+ [:\\d]+ stopped by ${signal}; what B2 has is kept\n$`),
      );
      assert.ok(tookMs < grace, `${tookMs.toFixed(0)} ms of ${grace.toFixed(0)}`);
      assert.equal(site.tarCreateLives, false);
      await site.assertResumes();
    });
  }

  it('a second signal stops at once, whatever the first one still waits for', async (t) => {
    const site = await Site.begin(t);
    const hook = join(site.journey.directory, 'hook');
    const run = site.archive(['--on-failure', `touch '${hook}'; sleep 20`]);
    await run.until(() => site.isHalfWay);
    run.kill('SIGINT');
    await run.until(() => existsSync(hook));
    const grace = await graceMs();
    const began = performance.now();
    run.kill('SIGINT');
    // The hook's sleep holds our output open; the process itself is asked.
    while (existsSync(`/proc/${run.pid}/fd/0`)) await delay(5);
    assert.ok(performance.now() - began < grace);
    run.stopReading();
    assert.equal((await run.ended).status, 12);
    await site.assertResumes();
  });

  it('nobody listens any more: it goes on to the end, and so does the log beside the journal', async (t) => {
    const site = await Site.begin(t);
    const run = site.archive();
    await run.until(() => site.isHalfWay);
    run.stopReading();
    site.line.release();
    assert.equal((await run.ended).status, 0);
    assert.equal(site.finished, true);
    const log = readFileSync(join(site.journey.outLoc, 'web.example.12.log'), 'utf8');
    assert.match(log, /nobody reads our output any more; continuing to the end/);
    assert.match(log, /web\.example #12: finished, .*\n$/);
  });

  it('--on-disconnect stop: stops, and the rerun goes on', async (t) => {
    const site = await Site.begin(t);
    const run = site.archive(['--on-disconnect', 'stop', '--bwlimit', '400M']);
    await run.until(() => site.isHalfWay);
    run.stopReading();
    // The next line that it prints finds nobody: here because the toggle of the limit is told.
    run.kill('SIGUSR2');
    assert.equal((await run.ended).status, 12);
    await site.assertResumes();
  });

  it('--deadline: stops cleanly in time, and the rerun goes on', async (t) => {
    const site = await Site.begin(t);
    const run = site.archive(['--deadline', '1h'], { env: hourOnSigwinch });
    await run.until(() => site.isHalfWay);
    run.kill('SIGWINCH');
    const { status, output, lastLine } = await run.ended;
    assert.equal(status, 12, output);
    assert.equal(lastLine, 'stopped by --deadline after 1 h 00 m; what B2 has is kept');
    await site.assertResumes();
  });

  it("a second run is refused while the first one is alive, but not because of a dead run's lock", async (t) => {
    const site = await Site.begin(t);
    const run = site.archive();
    await run.until(() => site.isHalfWay);
    const second = await site.archive().ended;
    assert.equal(second.status, 10);
    assert.equal(second.lastLine, `another run (pid ${run.pid}) is archiving web.example 12`);
    run.kill('SIGKILL');
    assert.equal((await run.ended).signal, 'SIGKILL');
    const lock = join(site.journey.outLoc, `web.example.12.${BUCKET}.lock`);
    assert.ok(existsSync(lock), 'its lock is still there');
    // Its number may go to another process: that one does not hold the lock either.
    writeFileSync(lock, readFileSync(lock, 'utf8').replace(/"pid":\d+/, `"pid":${process.pid}`));
    await site.assertResumes();
  });

  it(
    'a second run is refused while the first lives in a PID namespace where nobody can see it',
    { skip: skipWithoutPidNamespaces() },
    async (t) => {
      const site = await Site.begin(t);
      const run = site.archive([], {
        within: OWN_PID_NAMESPACE,
      });
      await run.until(() => site.isHalfWay);
      const second = await site.archive().ended;
      assert.equal(second.status, 10, second.output);
      assert.match(
        second.lastLine,
        /^another run \(pid \d+ on .*, in another container or machine\) is archiving web/,
      );
      site.line.release();
      assert.equal((await run.ended).status, 0);
      assert.equal(site.finished, true);
    },
  );

  it(
    'runs in two PID namespaces with one state directory: one at a time, and after a kill the other goes on; no part is sealed in two ways',
    { skip: skipWithoutPidNamespaces() },
    async (t) => {
      const site = await Site.begin(t);
      const within = OWN_PID_NAMESPACE;
      const first = site.archive([], { within });
      await first.until(() => site.isHalfWay);
      const second = await site.archive([], { within }).ended;
      assert.equal(second.status, 10, second.output);
      assert.match(second.lastLine, /in another container or machine\) is archiving web/);
      // unshare ends, and the kernel kills all that was in its namespace.
      first.kill('SIGKILL');
      await first.ended;
      site.line.release();
      let third = await site.archive([], { within }).ended;
      // The kernel may take a moment.
      while (third.status === 10) third = await site.archive([], { within }).ended;
      assert.equal(third.status, 0, third.output);
      assert.equal(site.finished, true);
      const sealed = new Map<string, Set<string>>();
      for (const { fileId, partNumber, sha1 } of site.journey.server.parts) {
        const part = `${fileId} ${partNumber}`;
        sealed.set(part, (sealed.get(part) ?? new Set()).add(sha1));
      }
      assert.ok(sealed.size >= 4);
      for (const [part, ways] of sealed) assert.equal(ways.size, 1, part);
    },
  );

  it(
    "root's cleanup while a run of another user lives: nothing of it is removed",
    { skip: skipWithoutRoot() },
    async (t) => {
      const site = await Site.begin(t);
      const { journey } = site;
      const bucket = journey.server.bucket(BUCKET);
      const run = site.archive(['--split-size', '6M']);
      await run.until(() => site.isHalfWay);
      await run.until(() => bucket.names().some((name) => /[a-z]\.gpg$/.test(name)));
      // As user nobody's would look.
      for (const name of readdirSync(journey.outLoc))
        // What is just being replaced may be gone.
        if (!name.endsWith('.tmp')) chownSync(join(journey.outLoc, name), 65534, 65534);
      const of = bucket.versions();
      const there = of.map(({ fileId }) => fileId);
      // On a slow line a volume takes its time: nothing but the lock shows that the run lives.
      for (const one of of) Object.assign(one, { uploadTimestamp: one.uploadTimestamp - 30 * DAY_MS });
      const words = ['cleanup', '--yes', '--bucket', BUCKET];
      const cleaned = await journey.start('backuppc-b2', [
        ...[...words, '--endpoint', journey.server.url, '--state-dir', journey.outLoc],
      ]).ended;
      assert.equal(cleaned.status, 0, cleaned.output);
      const left = new Set(bucket.versions().map(({ fileId }) => fileId));
      site.line.release();
      // It goes on meanwhile, and may have begun another volume.
      assert.deepEqual(
        there.filter((fileId) => !left.has(fileId)),
        [],
      );
      const { status, output } = await run.ended;
      assert.equal(status, 0, output);
      assert.doesNotMatch(output, /somebody removed it|starts over/);
    },
  );

  it('a volume that somebody deletes before the manifest is up is sent again, not vouched for', async (t) => {
    const site = await Site.begin(t);
    const bucket = site.journey.server.bucket(BUCKET);
    const run = site.archive(['--split-size', '6M']);
    await run.until(() => site.isHalfWay);
    const volumes = (): string[] => bucket.names().filter((name) => /[a-z]\.gpg$/.test(name));
    while (volumes().length === 0) await delay(5);
    const [victim = ''] = volumes();
    bucket.remove(victim);
    site.line.release();
    const { status, output } = await run.ended;
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`volume \\d+ \\(${victim}\\) was finished, and somebody removed it`));
    assert.equal(site.finished, true);
    assert.ok(bucket.names().includes(victim));
    assert.equal(bucket.unfinished().length, 0);
  });
});
