import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FaultRule } from '../support/b2-server/fault-rule.js';
import { Faults } from '../support/b2-server/faults.js';
import { parseFaultRule } from '../support/b2-server/fault-text.js';

test('a rule as one word', () => {
  const cases: [string, Omit<FaultRule, 'name'>][] = [
    ['upload_part=503', { on: ['upload_part'], fault: { kind: 'status', status: 503 } }],
    [
      'upload_part,upload_file=503@10%',
      { on: ['upload_part', 'upload_file'], probability: 0.1, fault: { kind: 'status', status: 503 } },
    ],
    [
      '*=429:2@/50x3',
      { on: ['*'], every: 50, times: 3, fault: { kind: 'status', status: 429, retryAfterSeconds: 2 } },
    ],
    [
      'list_parts=401:unauthorized@1',
      { on: ['list_parts'], nth: [1], fault: { kind: 'status', status: 401, code: 'unauthorized' } },
    ],
    [
      'upload_part=400-early',
      { on: ['upload_part'], fault: { kind: 'status', status: 400, early: 'close' } },
    ],
    [
      'upload_part=503-drain',
      { on: ['upload_part'], fault: { kind: 'status', status: 503, early: 'drain' } },
    ],
    [
      'upload_part=reset-body:65536@2,5',
      { on: ['upload_part'], nth: [2, 5], fault: { kind: 'reset', when: 'body', afterBytes: 65536 } },
    ],
    ['upload_part=reset-before', { on: ['upload_part'], fault: { kind: 'reset', when: 'before' } }],
    ['upload_part=reset-after', { on: ['upload_part'], fault: { kind: 'reset', when: 'after' } }],
    [
      'upload_part=stall-body:10',
      { on: ['upload_part'], fault: { kind: 'stall', when: 'body', afterBytes: 10 } },
    ],
    [
      'finish_large_file=stall-answer:20',
      { on: ['finish_large_file'], fault: { kind: 'stall', when: 'answer', ms: 20 } },
    ],
    [
      'upload_file:*.COMPLETE=lost@1',
      { on: ['upload_file'], file: '*.COMPLETE', nth: [1], fault: { kind: 'lost-answer' } },
    ],
    ['upload_part=wrong-sha1x1', { on: ['upload_part'], times: 1, fault: { kind: 'wrong-sha1' } }],
    ['upload_part=full-vault@3', { on: ['upload_part'], nth: [3], fault: { kind: 'full-vault' } }],
    [
      'upload_file=cap',
      { on: ['upload_file'], fault: { kind: 'status', status: 403, code: 'storage_cap_exceeded' } },
    ],
    [
      '*=transaction-cap',
      { on: ['*'], fault: { kind: 'status', status: 403, code: 'transaction_cap_exceeded' } },
    ],
    ['download_file_by_id=flip-bit', { on: ['download_file_by_id'], fault: { kind: 'flip-bit' } }],
    ['*=empty@2', { on: ['*'], nth: [2], fault: { kind: 'empty-answer' } }],
    ['*=page:403', { on: ['*'], fault: { kind: 'page', status: 403 } }],
    ['*=delay:5', { on: ['*'], fault: { kind: 'delay', ms: 5 } }],
  ];
  for (const [text, rule] of cases) assert.deepEqual(parseFaultRule(text), { name: text, ...rule });
});

test('what is not a rule is refused', () => {
  for (const text of [
    '',
    'upload_part',
    '=503',
    'upload_part=',
    'upload_part=lightning',
    'upload_part=200',
    'upload_part=503@often',
    'upload_part=delay',
    'upload_part=reset-body:x',
  ]) {
    assert.throws(() => parseFaultRule(text), Error, text);
  }
});

/** Numbers of the requests, from 1, that are struck. */
function struck(faults: Faults, count: number, operation = 'b2_upload_part', file = 'f'): number[] {
  return Array.from({ length: count }, (_, index) => index + 1).filter(
    () => faults.strike(operation, file) !== undefined,
  );
}

test('which requests a rule hits', () => {
  const cases: [string, number[]][] = [
    ['upload_part=503', [1, 2, 3, 4, 5, 6]],
    ['upload_part=503x2', [1, 2]],
    ['upload_part=503@2', [2]],
    ['upload_part=503@2,5', [2, 5]],
    ['upload_part=503@/3', [3, 6]],
    ['upload_part=503@/2x2', [2, 4]],
    ['*=503@1', [1]],
    ['upload_part:f=503@1', [1]],
    ['upload_part:g*=503', []],
    ['upload_file=503', []],
    ['upload_part=503@0%', []],
    ['upload_part=503@100%', [1, 2, 3, 4, 5, 6]],
  ];
  for (const [text, numbers] of cases) {
    const faults = new Faults(1, [text]);
    assert.deepEqual(struck(faults, 6), numbers, text);
    assert.equal(faults.fired(text), numbers.length);
    assert.deepEqual(faults.unfired, numbers.length === 0 ? [text] : []);
  }
});

test('of two rules the one planted first hits, and both count', () => {
  const faults = new Faults(1, ['upload_part=503@2', 'upload_part=429@1,2,3']);
  const kinds = [1, 2, 3].map(() => faults.strike('b2_upload_part', undefined)?.fault);
  assert.deepEqual(
    kinds.map((fault) => (fault?.kind === 'status' ? fault.status : undefined)),
    [429, 503, 429],
  );
  assert.deepEqual(
    faults.planted.map(({ seen, fired }) => [seen, fired]),
    [
      [3, 1],
      [3, 2],
    ],
  );
  faults.remove('upload_part=429@1,2,3');
  assert.equal(faults.fired(), 1);
  faults.clear();
  assert.equal(faults.strike('b2_upload_part', undefined), undefined);
});

test('chance follows the seed, and comes near its share', () => {
  const draw = (seed: number): number[] => struck(new Faults(seed, ['upload_part=503@10%']), 10_000);
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  const share = draw(7).length / 10_000;
  assert.ok(share > 0.085 && share < 0.115, `${share}`);
  const two = new Faults(7, ['upload_part=503@50%', 'upload_file=503@50%']);
  assert.notDeepEqual(struck(two, 100), struck(two, 100, 'b2_upload_file'));
});

test('held requests wait for the test, and those after them pass', async () => {
  const faults = new Faults(1, []);
  const hold = faults.hold({ on: 'upload_part', from: 2 });
  assert.equal(faults.strike('b2_upload_part', 'x'), undefined);
  const struck = [faults.strike('b2_upload_part', 'x'), faults.strike('b2_upload_part', 'x')];
  await hold.reached;
  hold.release();
  for (const one of struck) {
    assert.ok(one?.fault.kind === 'stall');
    await one.fault.until;
  }
  assert.equal(faults.strike('b2_upload_part', 'x'), undefined);
});
