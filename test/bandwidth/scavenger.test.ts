import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Scavenger } from '../../src/bandwidth/scavenger.js';
import { GreedyTcp, Link } from './bottleneck.js';

/** As `auto` looks. */
const TICK_MS = 200;

interface Scene {
  readonly rate?: number;
  readonly bufferMs?: number;
  readonly baseMs?: (second: number) => number;
  /** Largest random addition to a round trip. */
  readonly jitterMs?: number;
  /** Share of round trips with a hiccup of up to 300 ms. */
  readonly hiccups?: number;
  readonly greedy?: (second: number) => boolean;
  /** Bytes per second of a stream that does not care. */
  readonly steady?: (second: number) => number;
  readonly busy?: (second: number) => boolean;
  readonly seconds: number;
  readonly min?: number;
  readonly max?: number;
  readonly seed?: number;
}

interface Second {
  /** Shares of the link. */
  readonly ours: number;
  readonly others: number;
  readonly probes: number;
  /** 95th percentile of the queue, ms. */
  readonly queueMs: number;
  readonly baseMs: number | undefined;
}

/** Plays a scene in milliseconds; index n is second n. */
function play(scene: Scene): Second[] {
  const rate = scene.rate ?? 1e6;
  const link = new Link({
    rate,
    bufferBytes: (rate * (scene.bufferMs ?? 1000)) / 1000,
    baseMs: (ms) => scene.baseMs?.(ms / 1000) ?? 20,
  });
  const law = new Scavenger({ min: scene.min ?? 8000, max: scene.max ?? 1.25e9 });
  const random = randomNumbers(scene.seed ?? 1);
  let probes: { readonly sentMs: number; readonly backMs: number; late: boolean }[] = [];
  let rival: GreedyTcp | undefined;
  let sent = 0;
  let seen = { atMs: 0, sent: 0 };
  let probedAtMs = -Infinity;
  let second = { ours: 0, others: 0, probes: 0, queues: [] as number[] };
  const seconds: Second[] = [];
  for (let ms = 0; ms < scene.seconds * 1000; ms++) {
    const now = ms / 1000;
    const busy = scene.busy?.(now) ?? true;
    rival = scene.greedy?.(now) === true ? (rival ?? new GreedyTcp()) : undefined;
    const ours = busy ? law.rate / 1000 : 0;
    const others = (rival?.offer(link) ?? 0) + (scene.steady?.(now) ?? 0) / 1000;
    const share = link.step(ours + others);
    rival?.settle(share, link);
    sent += ours;
    second.ours += (ours * share) / rate;
    second.others += (others * share) / rate;
    second.queues.push(link.queueMs);
    if (ms % TICK_MS === 0 && ms - probedAtMs >= law.probeMs) {
      probedAtMs = ms;
      second.probes += 1;
      const noiseMs =
        random() * (scene.jitterMs ?? 3) + (random() < (scene.hiccups ?? 0) ? random() * 300 : 0);
      probes.push({ sentMs: ms, backMs: ms + link.rttMs + noiseMs, late: false });
    }
    const look = (rttMs: number, answered: boolean) => {
      if (ms === seen.atMs) return;
      law.observe({
        nowMs: ms,
        rttMs,
        answered,
        sentRate: ((sent - seen.sent) * 1000) / (ms - seen.atMs),
        busy,
      });
      seen = { atMs: ms, sent };
    };
    for (const probe of probes) {
      if (ms >= probe.backMs) {
        if (probe.late) law.noteLateAnswer(probe.backMs - probe.sentMs, ms);
        else look(probe.backMs - probe.sentMs, true);
      } else if (!probe.late && ms - probe.sentMs >= law.patienceMs) {
        probe.late = true;
        look(ms - probe.sentMs, false);
      }
    }
    probes = probes.filter((probe) => ms < probe.backMs);
    if (ms % 1000 === 999) {
      seconds.push({
        ours: second.ours,
        others: second.others,
        probes: second.probes,
        queueMs: percentile(second.queues, 0.95),
        baseMs: law.baseMs,
      });
      second = { ours: 0, others: 0, probes: 0, queues: [] };
    }
  }
  return seconds;
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * share)] ?? 0;
}

function mean(seconds: readonly Second[], what: 'ours' | 'others' | 'queueMs' | 'probes'): number {
  return seconds.reduce((sum, second) => sum + second[what], 0) / seconds.length;
}

/** Park and Miller's generator. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

describe('the scavenger, alone on the line', () => {
  const lines: [string, Scene][] = [
    ['1 Mbit/s', { rate: 125_000, seconds: 60 }],
    ['8 Mbit/s with a second of buffer', { seconds: 60 }],
    ['8 Mbit/s with three seconds of buffer', { bufferMs: 3000, seconds: 60 }],
    ['8 Mbit/s with 60 ms of buffer', { bufferMs: 60, seconds: 60 }],
    ['100 Mbit/s', { rate: 12.5e6, seconds: 60 }],
    ['8 Mbit/s over a road of 150 ms', { baseMs: () => 150, seconds: 60 }],
    ['8 Mbit/s with jitter and hiccups', { jitterMs: 20, hiccups: 0.05, seconds: 60 }],
  ];
  for (const [name, scene] of lines) {
    it(`takes at least 90 % of ${name} within 12 s and adds at most 100 ms`, () => {
      const later = play(scene).slice(12);
      assert.ok(mean(later, 'ours') >= 0.9, `${mean(later, 'ours')}`);
      assert.ok(
        percentile(
          later.map((second) => second.queueMs),
          0.95,
        ) <= 100,
      );
      assert.ok(mean(later, 'probes') <= 1.5, `${mean(later, 'probes')} probes a second`);
    });
  }
});

describe('the scavenger, with others', () => {
  it('leaves the line to a greedy sender within 5 s, and has it back within 10 s', () => {
    const seconds = play({ seconds: 90, greedy: (now) => now >= 20 && now < 60 });
    assert.ok(mean(seconds.slice(25, 60), 'ours') <= 0.03);
    assert.ok(mean(seconds.slice(25, 60), 'others') >= 0.95);
    assert.ok(mean(seconds.slice(30, 60), 'probes') <= 1.1, 'one probe a second while others have the line');
    assert.ok(mean(seconds.slice(70), 'ours') >= 0.9);
  });

  it('does so again and again', () => {
    const seconds = play({ seconds: 240, greedy: (now) => now % 40 >= 20 });
    for (let from = 20; from < 240; from += 40) {
      assert.ok(mean(seconds.slice(from + 5, from + 20), 'others') >= 0.9);
      if (from + 30 < 240) assert.ok(mean(seconds.slice(from + 30, from + 40), 'ours') >= 0.85);
    }
  });

  it("never mistakes a queue that stands for half an hour for the path's own delay", () => {
    const seconds = play({ seconds: 1900, greedy: (now) => now >= 20 && now < 1820 });
    assert.ok(mean(seconds.slice(25, 1820), 'ours') <= 0.03);
    assert.ok(mean(seconds.slice(1832), 'ours') >= 0.9);
  });

  it('takes what a steady stream leaves, and delays it little', () => {
    const seconds = play({ seconds: 80, steady: (now) => (now >= 20 ? 600_000 : 0) });
    const later = seconds.slice(35);
    assert.ok(mean(later, 'ours') >= 0.33, `${mean(later, 'ours')}`);
    assert.ok(mean(later, 'others') >= 0.599);
    assert.ok(
      percentile(
        later.map((second) => second.queueMs),
        0.95,
      ) <= 100,
    );
  });

  it('shares with a second scavenger of its kind without a long queue', () => {
    const link = new Link({ rate: 1e6, bufferBytes: 1e6, baseMs: () => 20 });
    const laws = [new Scavenger({ min: 8000, max: 1e9 }), new Scavenger({ min: 8000, max: 1e9 })];
    const queues: number[] = [];
    const sent = [0, 0];
    const looks = [-Infinity, -Infinity];
    for (let ms = 0; ms < 120_000; ms++) {
      link.step(laws.reduce((sum, law) => sum + law.rate / 1000, 0));
      for (const [index, law] of laws.entries()) {
        if (ms > 30_000) sent[index] = (sent[index] ?? 0) + law.rate / 1000;
        if (ms % TICK_MS === index * 90 && ms - (looks[index] ?? 0) >= law.probeMs) {
          looks[index] = ms;
          law.observe({ nowMs: ms, rttMs: link.rttMs, answered: true, sentRate: law.rate, busy: true });
        }
      }
      if (ms > 30_000) queues.push(link.queueMs);
    }
    assert.ok(Math.min(...sent) >= 90e6 * 0.1, String(sent));
    assert.ok(percentile(queues, 0.95) <= 120);
  });
});

describe('the scavenger, when the path changes', () => {
  it('accepts a longer path within three minutes and takes the line again', () => {
    const seconds = play({ seconds: 400, baseMs: (now) => (now >= 60 ? 110 : 20) });
    assert.ok(mean(seconds.slice(260), 'ours') >= 0.9, `${mean(seconds.slice(260), 'ours')}`);
  });

  it('accepts a shorter path at once', () => {
    const seconds = play({ seconds: 60, baseMs: (now) => (now >= 30 ? 20 : 110) });
    assert.ok(mean(seconds.slice(12, 30), 'ours') >= 0.9);
    assert.ok(mean(seconds.slice(32), 'ours') >= 0.9);
    assert.ok(
      percentile(
        seconds.slice(38).map((second) => second.queueMs),
        0.95,
      ) <= 100,
    );
  });
});

describe('the scavenger, always', () => {
  it('does not grow while there is nothing to send', () => {
    const law = new Scavenger({ min: 8000, max: 1e9 });
    for (let ms = 0; ms < 60_000; ms += 200)
      law.observe({ nowMs: ms, rttMs: 20, answered: true, sentRate: 0, busy: false });
    assert.equal(law.rate, 64_000);
  });

  it('stays within its bounds whatever it sees', () => {
    const observation = fc.record({
      stepMs: fc.integer({ min: 0, max: 100_000 }),
      rttMs: fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: 0, max: 100 })),
      answered: fc.boolean(),
      sentRate: fc.double({ min: 0, max: 1e12, noNaN: true }),
      busy: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 300 }), (observations) => {
        const law = new Scavenger({ min: 8000, max: 1e6 });
        let nowMs = 0;
        for (const { stepMs, ...seen } of observations) {
          nowMs += stepMs;
          const rate = law.observe({ nowMs, ...seen });
          assert.ok(rate >= 8000 && rate <= 1e6, String(rate));
        }
      }),
    );
  });
});
