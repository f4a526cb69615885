import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { linkProblem, NarrowLink } from './link.js';
import type { LinkOptions } from './link.js';
import { Site } from './site.js';
import { between, busiestRate, meanRate, nowMs, percentile, samplesOf } from './trace.js';

const problem = linkProblem();
if (problem !== undefined) console.log(`# no link tests: ${problem}`);
// In continuous integration a missing link is a failure, not a reason to be green.
const skip = problem !== undefined && process.env['CI'] === undefined ? problem : false;

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

/** What TLS, TCP, IP and Ethernet add at most to slices of a segment and more, and the handshakes of who measures. */
const FRAMES = 1.07;
const MBIT = 125_000;

test('a limit holds on the wire, and changes while the archive runs', { skip, timeout: 60_000 }, async () => {
  await onLink({}, async (site) => {
    const wire = site.sampler(20);
    const archive = site.archive('--bwlimit', '8Mbit');
    await archive.line(/limit/);
    await pause(2000);

    const fixedMs = nowMs();
    await pause(4000);
    const changedMs = nowMs();
    assert.equal(await site.bwlimit('2Mbit').exit(), 0, 'bwlimit');
    const slowMs = nowMs();
    await pause(3000);
    const toggledMs = nowMs();
    archive.signal('SIGUSR2');
    await pause(1500);
    const endMs = nowMs();

    const samples = samplesOf(wire.lines);
    const fixed = between(samples, fixedMs, changedMs);
    assert.ok(meanRate(fixed) >= 0.95 * 8 * MBIT, `8 Mbit/s: ${meanRate(fixed)} bytes/s`);
    assert.ok(
      busiestRate(fixed, 1000) <= 1.05 * FRAMES * 8 * MBIT,
      `busiest second: ${busiestRate(fixed, 1000)} bytes/s`,
    );
    const slow = between(samples, slowMs + 200, toggledMs);
    assert.ok(
      meanRate(slow) >= 0.9 * 2 * MBIT && meanRate(slow) <= 1.05 * FRAMES * 2 * MBIT,
      `2 Mbit/s: ${meanRate(slow)} bytes/s`,
    );
    const free = between(samples, toggledMs + 300, endMs);
    assert.ok(meanRate(free) >= 20 * MBIT, `unlimited: ${meanRate(free)} bytes/s`);
    assert.ok(
      archive.lines.some((line) => line.includes('SIGUSR2')),
      archive.lines.join('\n'),
    );
  });
});

test(
  'auto fills an idle line, leaves it to another upload, and takes it again',
  { skip, timeout: 90_000 },
  async () => {
    const line = 8 * MBIT;
    await onLink({ upBits: 8e6, downBits: 50e6, bufferMs: 1000 }, async (site) => {
      const wire = site.sampler(100);
      const delay = site.delay();
      await delay.line(/\d/);
      const archive = site.archive('--bwlimit', 'auto');
      await archive.line(/limit/);
      await pause(9000);

      const aloneMs = nowMs();
      await pause(8000);
      const rivalMs = nowMs();
      const rival = site.rivalUpload();
      await pause(5000);
      const leftBytes = site.rivalBytes();
      const leftMs = nowMs();
      await pause(7000);
      const rivalRate = ((site.rivalBytes() - leftBytes) * 1000) / (nowMs() - leftMs);
      await rival.stop('SIGKILL');
      await pause(11_000);
      const againMs = nowMs();
      await pause(4000);
      const endMs = nowMs();

      const samples = samplesOf(wire.lines);
      const alone = meanRate(between(samples, aloneMs, rivalMs));
      assert.ok(alone >= 0.9 * line, `alone: ${alone / line} of the line`);
      const added = percentile(between(samplesOf(delay.lines), aloneMs, rivalMs), 0.95);
      assert.ok(added <= 150, `alone: ${added} ms of delay`);
      assert.ok(rivalRate >= 0.8 * line, `the rival got ${rivalRate / line} of the line`);
      const again = meanRate(between(samples, againMs, endMs));
      assert.ok(again >= 0.85 * line, `again: ${again / line} of the line`);
      assert.ok(
        archive.lines.some((text) => text.includes('giving way')),
        archive.lines.join('\n'),
      );
    });
  },
);
