import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BufferPool } from '../../src/chunks/buffer-pool.js';
import { packParts, type FilledPart } from '../../src/chunks/packer.js';
import type { Cut, CutPlan } from '../../src/chunks/cut-plan.js';
import { SizePlan, type VolumeSizes } from '../../src/chunks/size-plan.js';

const DATA_OFFSET = 7;

interface Packed {
  volume: number;
  part: number;
  last: boolean;
  data: Buffer;
}

async function* slices(data: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const scratch = new Uint8Array(Math.max(1, data.length));
  let at = 0;
  for (let i = 0; at < data.length; i++) {
    const size = Math.min(sizes[i % sizes.length] ?? 1, data.length - at);
    // The same memory for every slice: a packer that kept a slice would read the next one's bytes.
    scratch.set(data.subarray(at, at + size));
    yield await Promise.resolve(scratch.subarray(0, size));
    scratch.fill(0xee);
    at += size;
  }
}

async function pack(
  data: Uint8Array,
  volumes: VolumeSizes,
  sizes: readonly number[] = [5],
): Promise<Packed[]> {
  const buffers = new BufferPool(DATA_OFFSET + Math.max(volumes.dataBytes(0), volumes.dataBytes(1)), 2);
  return packWith(new SizePlan(volumes), buffers, slices(data, sizes));
}

async function packWith(
  plan: CutPlan,
  buffers: BufferPool,
  source: AsyncIterable<Uint8Array>,
): Promise<Packed[]> {
  const cuts: Packed[] = [];
  for await (const filled of packParts(source, { plan, buffers, dataOffset: DATA_OFFSET })) {
    cuts.push(copyOf(filled));
    buffers.give(filled.buffer);
  }
  assert.equal(buffers.inUse, 0, 'every buffer came back');
  return cuts;
}

function copyOf({ volume, part, last, buffer, dataBytes }: FilledPart): Packed {
  return { volume, part, last, data: Buffer.from(buffer.slice(DATA_OFFSET, DATA_OFFSET + dataBytes)) };
}

const plan = (splitSize: number, first: number, other: number, maxParts = 100): VolumeSizes => ({
  splitSize,
  maxParts,
  dataBytes: (index) => (index === 0 ? first : other),
});

describe('packer', () => {
  const shapes: [bytes: number, sizes: VolumeSizes, expected: string][] = [
    [0, plan(0, 4, 6), '0.0:0!'],
    [1, plan(0, 4, 6), '0.0:1!'],
    [4, plan(0, 4, 6), '0.0:4!'],
    [5, plan(0, 4, 6), '0.0:4 0.1:1!'],
    [10, plan(0, 4, 6), '0.0:4 0.1:6!'],
    [11, plan(0, 4, 6), '0.0:4 0.1:6 0.2:1!'],
    [10, plan(10, 4, 6), '0.0:4 0.1:6!'],
    [11, plan(10, 4, 6), '0.0:4 0.1:6! 1.0:1!'],
    [20, plan(10, 4, 6), '0.0:4 0.1:6! 1.0:4 1.1:6!'],
    [9, plan(3, 4, 6), '0.0:3! 1.0:3! 2.0:3!'],
    [21, plan(0, 4, 6, 2), '0.0:4 0.1:6! 1.0:4 1.1:6! 2.0:1!'],
  ];
  for (const [bytes, volumePlan, expected] of shapes) {
    it(`${bytes} bytes, volumes of ${volumePlan.splitSize}, at most ${volumePlan.maxParts} parts: ${expected}`, async () => {
      const cuts = await pack(Buffer.alloc(bytes, 1), volumePlan);
      assert.equal(
        cuts.map((c) => `${c.volume}.${c.part}:${c.data.length}${c.last ? '!' : ''}`).join(' '),
        expected,
      );
    });
  }

  it('loses, doubles and reorders nothing, and cuts at the same places however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.record({
          split: fc.integer({ min: 0, max: 60 }),
          first: fc.integer({ min: 1, max: 20 }),
          other: fc.integer({ min: 1, max: 20 }),
          most: fc.integer({ min: 1, max: 6 }),
        }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
        async (data, { split, first, other, most }, sizes) => {
          const volumePlan = plan(split, first, other, most);
          const cuts = await pack(data, volumePlan, sizes);
          assert.deepEqual(Buffer.concat(cuts.map((c) => c.data)), Buffer.from(data));
          assert.deepEqual(cuts, await pack(data, volumePlan, [1]));
          const byParts = first + (most - 1) * other;
          const capacity = split > 0 ? Math.min(split, byParts) : byParts;
          const volumes = Math.max(1, Math.ceil(data.length / capacity));
          assert.equal(cuts.at(-1)?.volume, volumes - 1);
          for (let volume = 0; volume < volumes; volume++) {
            const parts = cuts.filter((c) => c.volume === volume);
            assert.deepEqual(
              parts.map((c) => c.part),
              parts.map((_, i) => i),
            );
            assert.deepEqual(
              parts.map((c) => c.last),
              parts.map((_, i) => i === parts.length - 1),
            );
            for (const c of parts) if (!c.last) assert.equal(c.data.length, volumePlan.dataBytes(c.part));
          }
        },
      ),
    );
  });

  it('a cut may lie beyond what is packed: the rest begins the next volume', async () => {
    const decided: Record<number, Cut[]> = {
      6: [{ at: 4, ends: 'volume' }],
      9: [
        { at: 6, ends: 'volume' },
        { at: 8, ends: 'volume' },
      ],
    };
    let seen = 0;
    const plan: CutPlan = { cuts: ({ length }) => decided[(seen += length)] ?? [] };
    const packed = await packWith(
      plan,
      new BufferPool(DATA_OFFSET + 10, 2),
      slices(Buffer.from('abcdefghijk'), [3]),
    );
    assert.deepEqual(
      packed.map(({ volume, part, last, data }) => `${volume}.${part}${last ? '!' : ''} ${data.toString()}`),
      ['0.0! abcd', '1.0! ef', '2.0! gh', '3.0! ijk'],
    );
  });

  it('asks the source for nothing while no buffer is free', async () => {
    const buffers = new BufferPool(DATA_OFFSET + 4, 1);
    let pulled = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled += 1;
        yield await Promise.resolve(Buffer.alloc(4));
      }
    }
    const parts = packParts(endless(), {
      plan: new SizePlan(plan(0, 4, 4)),
      buffers,
      dataOffset: DATA_OFFSET,
    });
    const first = await parts.next();
    const second = parts.next();
    await new Promise(setImmediate);
    assert.equal(pulled, 2, 'the second slice waits for a buffer');
    if (first.value === undefined) assert.fail('no part');
    buffers.give(first.value.buffer);
    assert.equal((await second).value?.part, 1);
    await parts.return();
    assert.equal(buffers.inUse, 1, 'only the part that we hold is out');
  });
});
