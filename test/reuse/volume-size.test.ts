import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Failure } from '../../src/errors.js';
import { chooseTarget, type TargetFacts } from '../../src/reuse/volume-size.js';

const MIB = 2 ** 20;
const GB = 1e9;

describe('size of volumes', () => {
  const nothing: TargetFacts = {
    asked: undefined,
    last: undefined,
    expectedBytes: undefined,
    mostBytes: 1024 * MIB,
    neededMemory: (target) => 44 + (12 * target) / MIB,
  };
  const last = (targetMib: number, tarBytes: number) => ({ targetBytes: targetMib * MIB, tarBytes });
  const rows: [what: string, facts: Partial<TargetFacts>, mib: number][] = [
    ['unknown', {}, 0.5],
    ['10 GB', { expectedBytes: 10 * GB }, 0.5],
    ['20 GB', { expectedBytes: 20 * GB }, 1],
    ['80 GB', { expectedBytes: 80 * GB }, 4],
    ['640 GB', { expectedBytes: 640 * GB }, 32],
    ['640 GB with little memory', { expectedBytes: 640 * GB, mostBytes: 4 * MIB }, 4],
    ['a setting', { asked: 3 * MIB, expectedBytes: 640 * GB }, 2],
    ['as the last archive', { last: last(4, 80 * GB), expectedBytes: 81 * GB }, 4],
    ['the last archive, somewhat larger', { last: last(1, 20 * GB), expectedBytes: 35 * GB }, 1],
    ['far larger than the last one', { last: last(1, 20 * GB), expectedBytes: 80 * GB }, 4],
    ['far smaller than the last one', { last: last(32, 640 * GB), expectedBytes: 10 * GB }, 0.5],
    ['somewhat smaller', { last: last(4, 80 * GB), expectedBytes: 15 * GB }, 4],
    ['the last one is all that is known', { last: last(8, 150 * GB) }, 8],
    ['the last one does not fit any more', { last: last(32, 640 * GB), mostBytes: 16 * MIB }, 16],
  ];
  for (const [what, facts, mib] of rows) {
    it(`${what}: ${mib} MiB`, () => {
      assert.equal(chooseTarget({ ...nothing, ...facts }) / MIB, mib);
    });
  }

  it('the requested size has to fit', () => {
    assert.throws(
      () => chooseTarget({ ...nothing, asked: 8 * MIB, mostBytes: 4 * MIB }),
      (error) => error instanceof Failure && error.hint === '--memory 140M, or --reuse-volume 4096K',
    );
  });
});
