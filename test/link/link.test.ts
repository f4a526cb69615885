import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { linkProblem, NarrowLink } from './link.js';
import type { LinkOptions } from './link.js';
import { until } from './shell.js';
import { Site } from './site.js';
import { between, busiestRate, meanRate, nowMs, percentile, samplesOf } from './trace.js';
import type { Sample } from './trace.js';

const skip = linkProblem() ?? false;

async function onLink(options: LinkOptions, scene: (site: Site) => Promise<void>): Promise<void> {
  const link = new NarrowLink(options);
  try {
    const site = await Site.open(link);
    try {
      await scene(site);
    } finally {
      await site.close();
    }
  } finally {
    link.remove();
  }
}

const MBIT = 125_000;

/**
 * Waits until a counter has run at a rate for some seconds.
 *
 * Why wait: how long the law and a TCP take to settle is not what these tests are about, and other work on the machine changes it.
 */
async function reaches(trace: () => Sample[], rate: number, forMs: number, withinMs: number): Promise<void> {
  const beganMs = nowMs();
  const last = (): Sample[] => between(trace(), Math.max(beganMs, nowMs() - forMs), Infinity);
  const settled = (): boolean => nowMs() - beganMs >= forMs && meanRate(last()) >= rate;
  const seen = await until(settled, withinMs);
  assert.ok(seen, `not ${rate} bytes/s for ${forMs} ms within ${withinMs} ms, last ${meanRate(last())}`);
}

test('a limit holds on the wire, and changes while the archive runs', { skip, timeout: 90_000 }, async () => {
  await onLink({}, async (site) => {
    const wire = site.sampler(20);
    const sent = (): Sample[] => samplesOf(wire.lines, 2);
    const archive = site.archive('--bwlimit', '8Mbit');
    await archive.line(/limit/);
    await reaches(sent, 0.97 * 8 * MBIT, 1000, 20_000);

    const fixedMs = nowMs();
    await reaches(sent, 0.97 * 8 * MBIT, 4000, 20_000);
    const changedMs = nowMs();
    assert.equal(await site.bwlimit('2Mbit').exit(), 0, 'bwlimit');
    const slowMs = nowMs();
    await reaches(sent, 0.97 * 2 * MBIT, 3000, 20_000);
    const toggledMs = nowMs();
    archive.signal('SIGUSR2');
    await reaches(sent, 20 * MBIT, 500, 10_000);

    const fixed = busiestRate(between(sent(), fixedMs, changedMs), 1000);
    assert.ok(fixed <= 1.05 * 8 * MBIT, `busiest second at 8 Mbit/s: ${fixed} bytes/s`);
    const slow = busiestRate(between(sent(), slowMs + 200, toggledMs), 1000);
    assert.ok(slow <= 1.05 * 2 * MBIT, `busiest second at 2 Mbit/s: ${slow} bytes/s`);
    assert.ok(
      archive.lines.some((line) => line.includes('SIGUSR2')),
      archive.lines.join('\n'),
    );
  });
});

test(
  'auto fills an idle line, leaves it to another upload, and takes it again',
  { skip, timeout: 150_000 },
  async () => {
    const line = 8 * MBIT;
    await onLink({ upBits: 8e6, downBits: 50e6, bufferMs: 1000 }, async (site) => {
      const wire = site.sampler(100);
      const sent = (): Sample[] => samplesOf(wire.lines);
      const delay = site.delay();
      await delay.line(/\d/);
      const archive = site.archive('--bwlimit', 'auto');
      await archive.line(/limit/);

      await reaches(sent, 0.9 * line, 5000, 30_000);
      const aloneMs = nowMs();
      await pause(8000);
      const rivalMs = nowMs();
      const rival = site.rivalUpload();
      await reaches(() => site.rivalBytes, 0.8 * line, 5000, 30_000);
      await rival.stop('SIGKILL');
      await reaches(() => samplesOf(wire.lines, 2), 0.85 * line, 4000, 40_000);

      const added = percentile(between(samplesOf(delay.lines), aloneMs, rivalMs), 0.95);
      assert.ok(added <= 100, `alone: ${added} ms of delay`);
      assert.ok(
        archive.lines.some((text) => text.includes('giving way')),
        archive.lines.join('\n'),
      );
    });
  },
);
