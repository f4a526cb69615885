import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  defaultMemoryBytes,
  memoryBytesOf,
  memoryForCompression,
  planMemory,
  type MemoryRequest,
} from '../../src/memory/plan.js';
import { codecOf } from '../../src/compression/codec-choice.js';
import { planCompression } from '../../src/compression/memory.js';
import { Failure } from '../../src/errors.js';
import { checkPartSize } from '../../src/memory/budget.js';

const MIB = 1024 * 1024;
const base: MemoryRequest = {
  memoryBytes: 124 * MIB,
  isSet: true,
  workers: 2,
  connections: 'auto',
  partBytes: undefined,
  compressionBytes: 0,
  partUnitBytes: MIB,
  minPartBytes: 5_000_000,
  maxPartBytes: 5_000_000_000,
};

describe('memory plan', () => {
  const rows: [
    name: string,
    request: Partial<MemoryRequest>,
    expected: { partMiB: number; partBuffers: number; maxConnections: number },
  ][] = [
    ['a usual budget', {}, { partMiB: 8, partBuffers: 10, maxConnections: 8 }],
    ['set by nobody', { isSet: false }, { partMiB: 8, partBuffers: 8, maxConnections: 6 }],
    [
      'set by nobody, with connections',
      { isSet: false, connections: 7 },
      { partMiB: 8, partBuffers: 9, maxConnections: 7 },
    ],
    [
      'set by nobody, four workers',
      { isSet: false, workers: 4 },
      { partMiB: 6, partBuffers: 10, maxConnections: 8 },
    ],
    ['small machine', { memoryBytes: 64 * MIB }, { partMiB: 5, partBuffers: 4, maxConnections: 2 }],
    ['with compression', { compressionBytes: 16 * MIB }, { partMiB: 6, partBuffers: 10, maxConnections: 8 }],
    [
      'parts do not grow for ever',
      { memoryBytes: 1068 * MIB },
      { partMiB: 16, partBuffers: 64, maxConnections: 62 },
    ],
    ['asked for', { partBytes: 20 * MIB }, { partMiB: 20, partBuffers: 4, maxConnections: 2 }],
  ];
  for (const [name, request, { partMiB, partBuffers, maxConnections }] of rows) {
    it(name, () => {
      const plan = planMemory({ ...base, ...request });
      assert.deepEqual(
        { partMiB: plan.partBytes / MIB, partBuffers: plan.partBuffers, maxConnections: plan.maxConnections },
        { partMiB, partBuffers, maxConnections },
      );
    });
  }

  const refusals: [name: string, request: Partial<MemoryRequest>, hint: RegExp][] = [
    ['too small a budget', { memoryBytes: 56 * MIB }, /--memory 59M/],
    ['more connections than the budget feeds', { connections: 20 }, /--memory 154M/],
    ['parts below the minimum', { partBytes: 4 * MIB }, /5 MiB to 4768 MiB/],
    ['parts above the maximum', { partBytes: 6_000 * MIB }, /5 MiB to 4768 MiB/],
  ];
  for (const [name, request, hint] of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => planMemory({ ...base, ...request }),
        (error) => error instanceof Failure && error.kind === 'config' && hint.test(error.hint ?? ''),
      );
    });
  }

  it('has room for every codec if no budget is set, on any number of CPUs', () => {
    for (const override of ['none', 'gzip', 'zstd', 'bzip2', 'xz', 'lz4']) {
      const codec = codecOf({ compPath: '', compExt: '', override });
      for (const workers of [1, 2, 3, 4, 8, 16, 64]) {
        const request = { ...base, isSet: false, workers, memoryBytes: defaultMemoryBytes(workers) };
        const { bytes } = planCompression(codec, workers, memoryForCompression(request));
        const plan = planMemory({ ...request, compressionBytes: bytes });
        assert.ok(plan.partBuffers >= 3, `${override}, ${workers} workers`);
      }
    }
  });
});

describe('the budget and the part size', () => {
  it('a given setting holds; otherwise the number of workers decides', () => {
    assert.equal(memoryBytesOf({ memory: 64 * MIB, workers: 8 }), 64 * MIB);
    assert.equal(memoryBytesOf({ memory: undefined, workers: 2 }), 100 * MIB);
  });

  it('the limits of the store that was opened hold', () => {
    const limits = { minPartBytes: 5_000_000, maxPartBytes: 6_000_000 };
    for (const partBytes of [5_000_000, 6_000_000]) checkPartSize({ partBytes }, limits);
    for (const partBytes of [4_999_999, 6_000_001]) {
      assert.throws(
        () => {
          checkPartSize({ partBytes }, limits);
        },
        (error) =>
          error instanceof Failure && error.kind === 'config' && /5000000 to 6000000/.test(error.message),
      );
    }
  });
});
