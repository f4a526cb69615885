import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide, dueVolumes, type Decision, type Knowledge } from '../../src/reuse/decision.js';
import type { KnownVolume } from '../../src/reuse/known-volumes.js';

const earlier: KnownVolume = { digest: 'd', fileId: '4_z', bytes: 9, sha1: 's', dataBytes: 8, sentAt: 5 };

describe('skip, copy or send', () => {
  const rows: [what: string, known: Partial<Knowledge>, expected: Decision][] = [
    ['nothing is known', {}, { kind: 'send', reason: 'new', giveUp: false }],
    ['this run has it', { stored: 'd' }, { kind: 'skip' }],
    ['this run has it, and so has an earlier archive', { stored: 'd', earlier, due: true }, { kind: 'skip' }],
    ['this run has another one there', { stored: 'x' }, { kind: 'send', reason: 'new', giveUp: true }],
    ['an earlier archive has it', { earlier }, { kind: 'copy', from: earlier, giveUp: false }],
    ['… this run has another one', { earlier, stored: 'x' }, { kind: 'copy', from: earlier, giveUp: true }],
    ['… it is due', { earlier, due: true }, { kind: 'send', reason: 'due', giveUp: false }],
    ['… copies are refused', { earlier, refused: true }, { kind: 'send', reason: 'refused', giveUp: false }],
    ['copies are refused, but it is new', { refused: true }, { kind: 'send', reason: 'new', giveUp: false }],
  ];
  for (const [what, known, expected] of rows) {
    it(what, () => {
      const nothing = { digest: 'd', stored: undefined, earlier: undefined, due: false, refused: false };
      assert.deepEqual(decide({ ...nothing, ...known }), expected);
    });
  }
});

describe('volumes that are due to be sent again', () => {
  const volumes = (...ages: number[]) =>
    ages.map((age, index) => ({ digest: String(index), bytes: 10, sentAt: 1000 - age }));
  const rows: [what: string, ages: number[], share: number, expected: string[]][] = [
    ['young ones are not', [0, 50, 100], 1, []],
    ['old ones are, oldest first', [101, 300, 200, 7], 0.5, ['1', '2']],
    ['no more than the share', [300, 300, 300, 300], 0.5, ['0', '1']],
    ['one at least', [300, 300], 0.01, ['0']],
    ['one from the future is not', [-500], 1, []],
  ];
  for (const [what, ages, share, expected] of rows) {
    it(what, () => {
      assert.deepEqual([...dueVolumes(volumes(...ages), 1000, 100, share)], expected);
    });
  }
});
