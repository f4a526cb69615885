import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { RunEvent } from '../../src/events.js';
import { createThrottle } from '../../src/bandwidth/limiter.js';
import type { Limiter, LimiterOptions } from '../../src/bandwidth/limiter.js';
import { parseLimitSpec } from '../../src/bandwidth/limit.js';
import { LOWER_EFFORT } from '../../src/bandwidth/lower-effort.js';
import { FakeClock } from './fake-clock.js';

function start(limit: string, options: Partial<LimiterOptions> & { clock?: FakeClock } = {}) {
  const clock = options.clock ?? new FakeClock();
  const events: RunEvent[] = [];
  const limiter = createThrottle(parseLimitSpec(limit), {
    emit: (event) => events.push(event),
    ...options,
    clock,
  });
  const reasons = () =>
    events.flatMap((event) =>
      event.type === 'limit-changed' ? [`${String(event.rate)}: ${event.reason}`] : [],
    );
  return { clock, events, limiter, reasons };
}

/** A connection that always has more to send. */
async function flood(limiter: Limiter, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await limiter.take(limiter.sliceBytes, signal);
}

describe('the limiter', () => {
  const zone = process.env['TZ'];
  after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it('needs no event and no timer for a run without limit', () => {
    const { clock, events, limiter } = start('off');
    assert.equal(limiter.take(1000), undefined);
    assert.equal(limiter.rate, undefined);
    assert.equal(clock.sleepers, 0);
    assert.deepEqual(events, []);
  });

  it('reports what it does, in bits and bytes', () => {
    const { limiter, reasons } = start('8Mbit');
    assert.deepEqual(limiter.status(), {
      limit: '977 KiB/s (8 Mbit/s)',
      bytesPerSecond: 1e6,
      rate: '977 KiB/s (8 Mbit/s)',
      reason: 'as configured',
      lifted: false,
    });
    assert.deepEqual(reasons(), ['1000000: as configured']);
  });

  it('changes while bytes wait, and says why', async () => {
    const { clock, limiter, reasons } = start('8kbit');
    const stop = new AbortController();
    const sending = flood(limiter, stop.signal).catch(() => undefined);
    await clock.advance(1000);
    assert.ok(limiter.admittedBytes <= 1050, String(limiter.admittedBytes));
    limiter.set(parseLimitSpec('8Mbit'), 'bwlimit command');
    // What left at the old rate is paid for at the old rate.
    await clock.advance(100);
    const slow = limiter.admittedBytes;
    await clock.advance(1000);
    assert.ok(limiter.admittedBytes - slow >= 0.97e6 && limiter.admittedBytes - slow <= 1.05e6);
    stop.abort();
    await sending;
    limiter.set(parseLimitSpec('8Mbit'), 'again');
    assert.deepEqual(reasons(), ['1000: as configured', '1000000: bwlimit command']);
  });

  it('toggles between the limit and none; a new limit ends that', () => {
    const { limiter, reasons } = start('8Mbit');
    limiter.toggle('SIGUSR2');
    assert.equal(limiter.rate, undefined);
    assert.equal(limiter.status().lifted, true);
    limiter.toggle('SIGUSR2');
    assert.equal(limiter.rate, 1e6);
    limiter.toggle('SIGUSR2');
    limiter.set(parseLimitSpec('4Mbit'), 'from /etc/limit');
    assert.equal(limiter.rate, 0.5e6);
    assert.equal(limiter.status().lifted, false);
    assert.deepEqual(reasons(), [
      '1000000: as configured',
      'undefined: lifted: SIGUSR2',
      '1000000: restored: SIGUSR2',
      'undefined: lifted: SIGUSR2',
      '500000: from /etc/limit',
    ]);
  });

  it('follows a timetable within a second, over the night the clocks go forward', async () => {
    process.env['TZ'] = 'Europe/Berlin';
    // Saturday 28 March 2026, 18:59:30 local.
    const clock = new FakeClock(Date.UTC(2026, 2, 28, 17, 59, 30));
    const { limiter, reasons } = start('Mon-Fri 08:00,1M 19:00,8Mbit 23:00,off 23:30,16Mbit', { clock });
    assert.equal(limiter.rate, 2e6);
    assert.equal(limiter.status().next, 'Sat 19:00: 977 KiB/s (8 Mbit/s)');
    await clock.advance(30_500);
    assert.equal(limiter.rate, 1e6);
    await clock.advance(4 * 3_600_000);
    assert.equal(limiter.rate, undefined);
    await clock.advance(1_800_000);
    assert.equal(limiter.rate, 2e6);
    // Sunday 19:00 comes an hour early by the monotonic clock.
    await clock.advance(18.5 * 3_600_000 - 2000);
    assert.equal(limiter.rate, 2e6);
    await clock.advance(2000);
    assert.equal(limiter.rate, 1e6);
    assert.equal(reasons().length, 5);
    limiter.close();
    await clock.advance(0);
    assert.equal(clock.sleepers, 0);
  });

  it('holds the lower rate of auto when nothing can be measured', async () => {
    const blind = start('auto:80kbit-8Mbit');
    assert.equal(blind.limiter.rate, 10_000);
    assert.match(JSON.stringify(blind.events), /nothing to measure the delay with/);

    const { clock, limiter, events } = start('auto:80kbit-8Mbit', {
      probe: () => Promise.reject(new Error('no route to host')),
    });
    const stop = new AbortController();
    const sending = flood(limiter, stop.signal).catch(() => undefined);
    await clock.advance(10_000);
    assert.equal(limiter.rate, 10_000);
    const warnings = events.filter((event) => event.type === 'warning');
    assert.equal(warnings.length, 1);
    assert.match(JSON.stringify(warnings), /no route to host.*holding 9.77 KiB\/s \(80 kbit\/s\)/);
    stop.abort();
    limiter.close();
    await sending;
    await clock.advance(0);
    assert.equal(clock.sleepers, 0);
  });

  it('marks new connections as lower effort while auto holds, and no others', () => {
    const { limiter } = start('8Mbit', { probe: () => Promise.resolve(20) });
    const marks: number[] = [];
    const socket = { setTypeOfService: (value: number) => marks.push(value) };
    limiter.connected?.(socket);
    assert.deepEqual(marks, []);
    limiter.set(parseLimitSpec('auto'), 'by command');
    limiter.connected?.(socket);
    assert.deepEqual(marks, [LOWER_EFFORT]);
    limiter.close();
  });

  it('steers by the probe in auto, reports when it yields, and leaves nothing running', async () => {
    const clock = new FakeClock();
    let roadMs = 20;
    const { limiter, reasons } = start('auto:80kbit-8Mbit', {
      clock,
      probe: async (signal) => {
        const ms = roadMs;
        await clock.sleep(ms, signal);
        return ms;
      },
    });
    const stop = new AbortController();
    const sending = flood(limiter, stop.signal).catch(() => undefined);
    await clock.advance(10_000);
    assert.equal(limiter.rate, 1e6);
    assert.equal(limiter.status().auto?.baseMs, 20);
    roadMs = 900;
    await clock.advance(6000);
    assert.equal(limiter.rate, 10_000);
    assert.equal(limiter.status().auto?.state, 'yielding');
    roadMs = 20;
    await clock.advance(12_000);
    assert.equal(limiter.rate, 1e6);
    assert.equal(reasons().length, 3);
    assert.match(reasons()[1] ?? '', /giving way/);
    assert.match(reasons()[2] ?? '', /free again/);
    stop.abort();
    await sending;
    limiter.set(parseLimitSpec('off'), 'command');
    assert.equal(limiter.status().auto, undefined);
    await clock.advance(1000);
    assert.equal(clock.sleepers, 0);
    assert.equal(limiter.rate, undefined);
  });

  it('counts a probe that never comes back as delay', async () => {
    const { clock, limiter } = start('auto:80kbit-8Mbit', {
      probe: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }),
    });
    const stop = new AbortController();
    const sending = flood(limiter, stop.signal).catch(() => undefined);
    await clock.advance(20_000);
    assert.equal(limiter.rate, 10_000);
    stop.abort();
    limiter.close();
    await sending;
    await clock.advance(0);
    assert.equal(clock.sleepers, 0);
  });
});
