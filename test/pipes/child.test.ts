/** A program as a stage: what it is given, what it says, and how its end is told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Failure } from '../../src/errors.js';
import { Child, type ChildOptions, howItEnded } from '../../src/pipes/child.js';

function sh(text: string, more: Partial<ChildOptions> = {}): Child {
  return new Child({
    program: 'sh',
    words: ['-c', text],
    stdout: 'pipe',
    judge(end) {
      const bad = howItEnded('sh', end);
      return bad === undefined ? undefined : new Failure('local', bad);
    },
    ...more,
  });
}

async function outputOf(child: Child): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of child.output as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

describe('a child', () => {
  test('reads what is written, and a secret with a newline on descriptor 3', async () => {
    const child = sh('cat <&3; cat', { secret: Uint8Array.of(0xfc, 0x62) });
    assert.ok(await child.write(Buffer.from('input')));
    child.endInput();
    assert.equal(await outputOf(child), 'üb\ninput');
    await child.finished();
  });

  test('that ends before it has read everything refuses more, and its status says why', async () => {
    const child = sh('exec <&-; echo one >&2; echo two >&2; echo three >&2; exit 3');
    while (await child.write(Buffer.alloc(65_536)));
    const end = await child.ended;
    assert.deepEqual(end, { kind: 'exited', status: 3, said: ['one', 'two', 'three'], refusedInput: true });
    await assert.rejects(child.finished(), /^Failure: sh ended with status 3: two; three$/);
  });

  test('its lines are reported one by one, including a last one without a newline', async () => {
    const lines: string[] = [];
    const child = sh('printf "a\\nb\\tc\\nd" >&2', { onLine: (line) => lines.push(line) });
    child.endInput();
    await child.finished();
    assert.deepEqual(lines, ['a', 'b c', 'd']);
  });

  test('that is not there, and one killed by a signal', async () => {
    const missing = sh('', { program: '/no/such/program' });
    assert.equal((await missing.ended).kind, 'notStarted');
    const killed = sh('kill -TERM $$');
    assert.deepEqual(await killed.ended, { kind: 'signalled', by: 'SIGTERM', said: [] });
  });

  test('the abort signal kills it, and its reason is thrown', async () => {
    const stop = new AbortController();
    const child = sh('cat', { signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(child.finished(), /enough/);
  });
});
