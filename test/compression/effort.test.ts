import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzip } from '../../src/compression/gzip.js';
import { zstd } from '../../src/compression/zstd.js';
import { Effort, levelWithin, nextStep, type Queue } from '../../src/compression/effort.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const range = zstd.effort ?? assert.fail();
const { steps } = range;
const USUAL = steps.indexOf(3);
const STRONGEST = steps.length - 1;

describe('the next step', () => {
  const rows: [what: string, step: number, queue: Queue, next: number][] = [
    ['the line takes all, the workers wait: the usual', 0, { fill: 0, workersBehind: false }, 1],
    ['there already', USUAL, { fill: 0.2, workersBehind: false }, USUAL],
    ['back from the strongest, step by step', STRONGEST, { fill: 0, workersBehind: false }, STRONGEST - 1],
    ['the workers are behind', USUAL, { fill: 0, workersBehind: true }, 0],
    ['nothing is lighter than the lightest', 0, { fill: 0, workersBehind: true }, 0],
    ['the queue is full', USUAL, { fill: 0.8, workersBehind: false }, USUAL + 1],
    ['full, and the workers are behind too', 4, { fill: 0.9, workersBehind: true }, 5],
    ['nothing is stronger than the strongest', STRONGEST, { fill: 1, workersBehind: false }, STRONGEST],
    ['half full: in between', STRONGEST, { fill: 0.475, workersBehind: true }, STRONGEST - 1],
    ['half full: in between, from below', 0, { fill: 0.475, workersBehind: true }, 1],
  ];
  for (const [what, step, queue, next] of rows) {
    it(what, () => {
      assert.equal(nextStep(step, queue, range), next);
    });
  }
  it('gzip has steps of its own', () => {
    const ofGzip = gzip.effort ?? assert.fail();
    assert.deepEqual([ofGzip.steps.at(0), ofGzip.steps.at(-1)], [1, 9]);
    assert.ok(ofGzip.steps.includes(ofGzip.usual));
  });
});

describe('the working memory', () => {
  it('bounds the level by the length of the volume', () => {
    assert.equal(levelWithin(STRONGEST, 512 * KIB, 13 * MIB, range), 19);
    assert.equal(levelWithin(STRONGEST, 2 * MIB, 13 * MIB, range), 5);
    assert.equal(levelWithin(STRONGEST, 2 * MIB, 0, range), 1);
    assert.equal(levelWithin(1, 2 * MIB, 1024 * MIB, range), 3);
  });
});

/** Two workers, volumes of 512 KiB; MB of tar per second of a core, and share that is left, by step: as zstd has them on /usr. */
const SPEED = [300, 200, 110, 80, 45, 30, 12, 6, 3];
const SHARE = [0.36, 0.33, 0.32, 0.315, 0.31, 0.308, 0.3, 0.292, 0.288];
const VOLUME = 512 * KIB;
const QUEUE = 24 * MIB;

interface Simulated {
  /** Of the second half: when the beginning is over. */
  readonly levels: readonly number[];
  readonly seconds: number;
  readonly lineBusy: number;
}

/** The source gives all that there is memory for, `sourceSpeed` bytes per second at most. */
function simulate(lineBytesPerSecond: number, volumes: number, sourceSpeed = 1e9, dt = 0.002): Simulated {
  let now = 0;
  const effort = new Effort(range, QUEUE, 13 * MIB, () => now * 1000);
  const raw: number[] = [];
  const workers: ({ level: number; left: number } | undefined)[] = [undefined, undefined];
  const queue: number[] = [];
  const levels: number[] = [];
  let read = 0;
  let source = 0;
  let sent = 0;
  let busy = 0;
  const used = (): number =>
    (raw.length + workers.filter(Boolean).length) * VOLUME + queue.reduce((sum, bytes) => sum + bytes, 0);
  let credit = 0;
  while (sent < volumes) {
    now += dt;
    source = Math.min(4 * VOLUME, source + sourceSpeed * dt);
    while (read < volumes && source >= VOLUME && used() + VOLUME <= QUEUE) {
      source -= VOLUME;
      raw.push(VOLUME);
      read += 1;
    }
    for (const [at, worker] of workers.entries()) {
      if (worker === undefined) {
        if (raw.pop() === undefined) continue;
        const level = effort.levelFor(VOLUME, raw.length > 0);
        levels.push(level);
        workers[at] = { level, left: VOLUME };
      } else {
        const step = steps.indexOf(worker.level);
        worker.left -= (SPEED[step] ?? 0) * 1e6 * dt;
        if (worker.left > 0) continue;
        const bytes = VOLUME * (SHARE[step] ?? 1);
        effort.ready(bytes);
        queue.push(bytes);
        workers[at] = undefined;
      }
    }
    if (queue.length > 0) {
      busy += dt;
      credit += lineBytesPerSecond * dt;
    }
    for (let first = queue[0]; first !== undefined && credit >= first; first = queue[0]) {
      credit -= first;
      queue.shift();
      effort.gone(first);
      sent += 1;
    }
  }
  return { levels: levels.slice(levels.length / 2), seconds: now, lineBusy: busy / now };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

describe('over a line', () => {
  it('of 1 or 8 Mbit/s it ends with the strongest, and the line is never idle', () => {
    for (const mbit of [1, 8]) {
      const { levels, lineBusy } = simulate((mbit * 1e6) / 8, 400);
      assert.ok(mean(levels) > 17, `${mbit} Mbit/s: ${mean(levels)}`);
      assert.ok(lineBusy > 0.98);
    }
  });

  it('a short archive over a slow line is no larger than at the usual level', () => {
    for (const mbit of [1, 8]) {
      const { levels } = simulate((mbit * 1e6) / 8, 60);
      assert.ok(Math.min(...levels) >= 3 && mean(levels) > 4, `${mbit} Mbit/s: ${mean(levels)}`);
    }
  });

  it('of 50 Mbit/s it is as strong as the workers can keep up with', () => {
    const { levels, lineBusy } = simulate(50e6 / 8, 2000);
    assert.ok(mean(levels) > 7 && mean(levels) < 18, `${mean(levels)}`);
    assert.ok(lineBusy > 0.97, `${lineBusy}`);
  });

  it('that takes everything, it is the lightest, and just as quick', () => {
    const { levels, seconds } = simulate(10e9 / 8, 4000, 1e9, 0.0002);
    assert.ok(mean(levels) < 1.5, `${mean(levels)}`);
    assert.ok(seconds < (1.2 * 4000 * VOLUME) / (2 * 300e6));
  });

  it('where the source is slower than everything else it is the usual level', () => {
    const { levels } = simulate(10e9 / 8, 400, 20e6);
    assert.ok(Math.abs(mean(levels) - 3) < 0.5, `${mean(levels)}`);
  });
});
