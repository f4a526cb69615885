import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codecOf } from '../../src/compression/codec-choice.js';
import { Failure } from '../../src/errors.js';
import { defaultMemoryBytes, HEAP_BYTES } from '../../src/memory/plan.js';
import { longestVolumeBytes } from '../../src/reuse/content-plan.js';
import { largestTarget, neededMemory, planReuse, type ReuseMemory } from '../../src/reuse/memory.js';
import { chooseTarget, pieceSizes, volumesWarning } from '../../src/reuse/volume-size.js';

const MIB = 2 ** 20;
const GB = 1e9;
const CODECS = ['none', 'gzip', 'zstd', 'zstd:19', 'auto', 'gzip:auto', 'bzip2', 'xz', 'lz4'];

const memoryOf = (over: Partial<ReuseMemory>, override = 'zstd'): ReuseMemory => ({
  memoryBytes: defaultMemoryBytes(2),
  workers: 2,
  codec: codecOf({ compPath: '', compExt: '', override }),
  ...over,
});

function target(memory: ReuseMemory, expectedBytes: number): number {
  return chooseTarget({
    asked: undefined,
    last: undefined,
    expectedBytes,
    mostBytes: largestTarget(memory),
    neededMemory: (bytes) => neededMemory(memory, bytes),
  });
}

describe('memory for volumes cut by content', () => {
  it('never adds up to more than the budget, and the longest volume has room', () => {
    for (const override of CODECS) {
      for (const workers of [1, 2, 4, 16]) {
        for (const memoryBytes of [
          defaultMemoryBytes(workers),
          defaultMemoryBytes(workers) - 36 * MIB,
          1024 * MIB,
        ]) {
          const memory = memoryOf({ memoryBytes, workers }, override);
          for (const tarBytes of [GB, 80 * GB, 640 * GB]) {
            const targetBytes = target(memory, tarBytes);
            const longest = longestVolumeBytes(pieceSizes(targetBytes));
            const { volumeBytes, scratchBytes, workBytes } = planReuse(memory, targetBytes);
            const what = `${override}, ${workers} workers, ${memoryBytes / MIB} MiB, ${targetBytes / MIB} MiB`;
            assert.ok(volumeBytes >= longest, what);
            assert.ok(override === 'none' || scratchBytes >= longest, what);
            const heaps = HEAP_BYTES.main + workers * HEAP_BYTES.worker;
            // What the usual level takes is in the worker's heap already.
            const usual =
              memory.codec.kind === 'listed' && memory.codec.auto ? workOfUsual(override, longest) : 0;
            const work = workers * (workBytes - usual);
            assert.ok(heaps + longest + volumeBytes + scratchBytes + work <= memoryBytes, what);
          }
        }
      }
    }
  });

  it('by default 80 GB are cut into 29,000 volumes, and 640 GB work, with advice to allow more memory', () => {
    const memory = memoryOf({});
    assert.equal(target(memory, 80 * GB) / MIB, 4);
    assert.equal(target(memory, 640 * GB) / MIB, 8);
    const facts = {
      last: undefined,
      expectedBytes: 640 * GB,
      neededMemory: (bytes: number) => neededMemory(memory, bytes),
    };
    const warning = volumesWarning(8 * MIB, facts) ?? '';
    assert.match(warning, /volumes of 8 MiB, some 117376 of them; --memory 237M would have room for 32 MiB/);
    assert.equal(target(memoryOf({ memoryBytes: 237 * MIB }), 640 * GB) / MIB, 32);
    assert.equal(volumesWarning(4 * MIB, { ...facts, expectedBytes: 80 * GB }), undefined);
  });

  it('the tables of a fixed zstd level count', () => {
    assert.ok(largestTarget(memoryOf({}, 'zstd:19')) < largestTarget(memoryOf({}, 'zstd:3')));
  });

  it('a budget without room for any volume is refused, with one that would do', () => {
    assert.throws(
      () => largestTarget(memoryOf({ memoryBytes: 40 * MIB })),
      (error) => error instanceof Failure && /--memory 45M/.test(error.hint ?? ''),
    );
  });
});

function workOfUsual(override: string, longest: number): number {
  return override === 'auto' ? 2 * MIB + 2.5 * Math.min(longest, 4 * MIB) : 512 * 1024;
}
