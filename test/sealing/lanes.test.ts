import assert from 'node:assert/strict';
import test from 'node:test';
import { type Lane, Lanes } from '../../src/sealing/lanes.js';

/** Tasks that end when told to, and the order in which they were started. */
class Tasks {
  readonly started: string[] = [];
  readonly #ends = new Map<string, () => void>();

  start(name: string): Promise<string> {
    this.started.push(name);
    return new Promise((resolve) => {
      this.#ends.set(name, () => {
        resolve(name);
      });
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function setUp(slots: number): {
  lanes: Lanes;
  tasks: Tasks;
  ask: (lane: Lane, name: string) => Promise<string>;
} {
  const lanes = new Lanes(slots);
  const tasks = new Tasks();
  return { lanes, tasks, ask: (lane, name) => lanes.run(lane, () => tasks.start(name)) };
}

test('no more tasks than slots; waiting seal tasks go before waiting compress tasks', async () => {
  const { tasks, ask } = setUp(2);
  const all = [
    ask('compress', 'c1'),
    ask('compress', 'c2'),
    ask('compress', 'c3'),
    ask('seal', 's1'),
    ask('seal', 's2'),
  ];
  assert.deepEqual(tasks.started, ['c1', 'c2']);
  await tasks.end('c2');
  await tasks.end('s1');
  await tasks.end('c1');
  assert.deepEqual(tasks.started, ['c1', 'c2', 's1', 's2', 'c3']);
  await tasks.end('s2');
  await tasks.end('c3');
  assert.deepEqual(await Promise.all(all), ['c1', 'c2', 'c3', 's1', 's2']);
});

test('the chain runs one task at a time and leaves the other slots to others', async () => {
  const { lanes, tasks, ask } = setUp(3);
  void ask('chain', 'p0');
  void ask('chain', 'p1');
  void ask('compress', 'c1');
  assert.ok(lanes.idle);
  void ask('compress', 'c2');
  void ask('compress', 'c3');
  assert.deepEqual(tasks.started, ['p0', 'c1', 'c2']);
  await tasks.end('p0');
  assert.deepEqual(tasks.started, ['p0', 'c1', 'c2', 'p1']);
});

test('a failed task frees its slot', async () => {
  const { lanes, tasks, ask } = setUp(1);
  const failing = lanes.run('seal', () => Promise.reject(new Error('no')));
  const next = ask('seal', 'next');
  await assert.rejects(failing, /no/);
  await tasks.end('next');
  assert.equal(await next, 'next');
});

test('a stop refuses what is waiting and what comes later, and what is running only if asked to', async () => {
  for (const running of [false, true]) {
    const { lanes, tasks, ask } = setUp(1);
    const runs = ask('seal', 'runs');
    const waits = ask('seal', 'waits');
    lanes.stop(new Error('stopped'), running);
    await assert.rejects(waits, /stopped/);
    await assert.rejects(ask('seal', 'late'), /stopped/);
    if (running) await assert.rejects(runs, /stopped/);
    await tasks.end('runs');
    if (!running) assert.equal(await runs, 'runs');
    assert.deepEqual(tasks.started, ['runs']);
  }
});
