import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sayIfSlow } from '../../src/cli/slow-answer.js';

test('said once, and only of an answer that takes long, good or bad', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const said: string[] = [];
  const out = { note: (text: string) => said.push(text) };
  assert.equal(await sayIfSlow(out, 'B2', Promise.resolve(1)), 1);
  await assert.rejects(sayIfSlow(out, 'B2', Promise.reject(new Error('no'))), /no/);
  mock.timers.tick(60_000);
  assert.deepEqual(said, []);

  let answer: ((value: number) => void) | undefined;
  const slow = sayIfSlow(
    out,
    'B2',
    new Promise<number>((resolve) => {
      answer = resolve;
    }),
  );
  mock.timers.tick(4999);
  assert.deepEqual(said, []);
  mock.timers.tick(60_000);
  answer?.(2);
  assert.equal(await slow, 2);
  assert.deepEqual(said, ['B2 has not answered for 5 s; still trying']);
});
