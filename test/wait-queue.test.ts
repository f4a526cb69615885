import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitQueue } from '../src/wait-queue.js';

test('callers are granted in order, and one that is aborted leaves the queue', async () => {
  let left = 0;
  const queue = new WaitQueue<string, number>(() => {
    left += 1;
  });
  const abort = new AbortController();
  const first = queue.wait('first');
  const second = queue.wait('second', abort.signal);
  const third = queue.wait('third');
  assert.deepEqual([queue.size, queue.next], [3, 'first']);
  const reason = new Error('enough');
  abort.abort(reason);
  await assert.rejects(second, reason);
  assert.deepEqual([queue.size, left], [2, 1]);
  assert.ok(queue.grantNext(1));
  assert.equal(queue.next, 'third');
  assert.ok(queue.grantNext(3));
  assert.ok(!queue.grantNext(4));
  assert.deepEqual(await Promise.all([first, third]), [1, 3]);
});

test('a caller that was aborted before it asks never joins the queue', async () => {
  const queue = new WaitQueue<undefined, undefined>();
  const reason = new Error('too late');
  await assert.rejects(queue.wait(undefined, AbortSignal.abort(reason)), reason);
  assert.equal(queue.size, 0);
});
