import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultMemoryBytes, planMemory } from '../../src/memory/plan.js';
import { compressionCases, isTooSlow, sealingCases, workerCounts } from '../../src/tuning/cases.js';
import {
  bestCodec,
  bestUpload,
  choose,
  fewestWorkers,
  type Findings,
  type Way,
} from '../../src/tuning/choice.js';
import type { CompressionCase, UplinkFigure, Measured, SealingCase } from '../../src/tuning/figures.js';
import { cpuRate, estimate, bottleneckOf, stageRates, type Stage } from '../../src/tuning/limits.js';
import { connectionCase, isGrowing, partSizeCase, probeBytes } from '../../src/tuning/upload-plan.js';

const MIB = 2 ** 20;

describe('cases', () => {
  it('worker counts: 1 to 4, doubling, all', () => {
    for (const [cores, counts] of [
      [1, [1]],
      [2, [1, 2]],
      [4, [1, 2, 3, 4]],
      [6, [1, 2, 3, 4, 6]],
      [8, [1, 2, 3, 4, 8]],
      [24, [1, 2, 3, 4, 8, 16, 24]],
    ] as const)
      assert.deepEqual(workerCounts(cores), counts, String(cores));
  });

  it('every profile, every codec, all workers of a codec first', () => {
    assert.deepEqual(
      sealingCases(1).map(({ profile, aead }) => `${profile} ${aead}`),
      ['librepgp ocb', 'rfc4880 ocb', 'rfc9580 ocb', 'rfc9580 gcm'],
    );
    assert.deepEqual(
      compressionCases(2, ['gzip:6', 'xz:6']).map(({ codec, workers }) => `${codec} ${workers}`),
      ['gzip:6 2', 'gzip:6 1', 'xz:6 2', 'xz:6 1'],
    );
    assert.equal(isTooSlow(3, 1), false);
    assert.equal(isTooSlow(7, 1), true);
  });
});

describe('limits', () => {
  it('compressing and sealing share the CPUs', () => {
    assert.equal(cpuRate(undefined, 400, 1), 400);
    assert.equal(cpuRate(100, 100, 1), 50);
    assert.equal(Math.round(cpuRate(50, 400, 0.4)), 48);
    assert.equal(cpuRate(Infinity, 400, 1), 400);
  });

  const rows: [
    reading: number | undefined,
    cpu: number,
    line: number | undefined,
    share: number,
    Stage,
    rate: number,
    headroom: number | undefined,
  ][] = [
    [undefined, 50, undefined, 0.5, 'cpu', 50, undefined],
    [200, 50, undefined, 0.5, 'cpu', 50, 4],
    [20, 50, undefined, 0.5, 'reading', 20, 2.5],
    [200, 50, 1, 0.5, 'line', 2, 25],
    [200, 50, 1, 1, 'line', 1, 50],
    [200, 50, 100, 0.5, 'cpu', 50, 4],
  ];
  for (const [reading, cpu, line, share, stage, rate, headroom] of rows) {
    it(`reading ${String(reading)}, CPU ${cpu}, line ${String(line)} at ${share}: ${stage}`, () => {
      assert.deepEqual(bottleneckOf(stageRates(reading, cpu, line, share)), { stage, rate, headroom });
    });
  }

  it('hours and money', () => {
    const { seconds, storedBytes, perMonth } = estimate(1e12, 1e6, 0.4, 6);
    assert.equal(seconds, 1e6);
    assert.equal(storedBytes, 4e11);
    assert.equal(perMonth.toFixed(2), '2.40');
  });
});

const way = (
  codec: string,
  workers: number,
  cpu: number,
  share: number,
  stage: Stage,
  rate: number,
): Way => ({
  codec,
  workers,
  cpu,
  share,
  bufferBytes: 0,
  limit: { stage, rate, headroom: undefined },
});

describe('choice', () => {
  it('the shortest time, then the least to store, then the least work', () => {
    // A line of 1 MB/s: what shrinks most is fastest.
    const slow = [
      way('none', 2, 800, 1, 'line', 1),
      way('gzip:6', 2, 50, 0.45, 'line', 2.2),
      way('zstd:9', 2, 30, 0.38, 'line', 2.63),
      way('xz:6', 2, 6, 0.36, 'line', 2.77),
    ];
    assert.equal(bestCodec(slow)?.codec, 'zstd:9');
    // A line faster than the CPUs: a cheap codec, and of those that are as fast the one that stores least.
    const fast = [
      way('none', 2, 100, 1, 'line', 100),
      way('zstd:1', 2, 210, 0.45, 'cpu', 210),
      way('zstd:3', 2, 200, 0.4, 'cpu', 200),
      way('gzip:6', 2, 50, 0.4, 'cpu', 50),
    ];
    assert.equal(bestCodec(fast)?.codec, 'zstd:3');
    assert.equal(bestCodec([]), undefined);
  });

  it('no more workers than it takes', () => {
    const line = [way('z', 1, 3, 1, 'line', 1), way('z', 2, 6, 1, 'line', 1)];
    assert.equal(fewestWorkers(line)?.workers, 1);
    const tight = [way('z', 1, 1.1, 1, 'line', 1), way('z', 2, 2.2, 1, 'line', 1)];
    assert.equal(fewestWorkers(tight)?.workers, 2);
    const cpu = [
      way('z', 1, 10, 1, 'cpu', 10),
      way('z', 2, 19, 1, 'cpu', 19),
      way('z', 4, 19.5, 1, 'cpu', 19.5),
    ];
    assert.equal(fewestWorkers(cpu)?.workers, 2);
  });

  const upload = (connections: number, mib: number, rate: number): UplinkFigure => ({
    connections,
    partBytes: mib * MIB,
    rate,
  });

  it('the fewest connections, then the smallest parts, that nearly fill the line', () => {
    assert.deepEqual(
      bestUpload([
        upload(1, 5, 10),
        upload(2, 5, 19),
        upload(4, 5, 30),
        upload(8, 5, 30.5),
        upload(4, 16, 31),
      ]),
      upload(4, 5, 30),
    );
    assert.equal(bestUpload([]), undefined);
  });

  const seals = (...rates: number[]): Measured<SealingCase>[] =>
    rates.map((rate, index) => ({
      case: { kind: 'sealing', profile: 'librepgp', aead: 'ocb', workers: index + 1 },
      figure: { rate, bytes: 1, share: 1, peakBytes: undefined, bufferBytes: 0 },
    }));
  const codec = (
    name: string,
    workers: number,
    rate: number,
    share: number,
    peakMib = 100,
  ): Measured<CompressionCase> => ({
    case: { kind: 'compression', codec: name, workers },
    figure: { rate, bytes: 1, share, peakBytes: peakMib * MIB, bufferBytes: 5 * MIB },
  });
  const findings: Findings = {
    sealing: seals(400e6, 800e6),
    compression: [
      codec('gzip:6', 1, 20e6, 0.4),
      codec('gzip:6', 2, 40e6, 0.4),
      codec('xz:6', 2, 5e6, 0.3, 3000),
    ],
    reading: 100e6,
    lineRate: undefined,
    uploads: [],
    memoryLimitBytes: 1024 * MIB,
    codec: undefined,
  };

  it('without a line the codec is not ours to choose, and nothing is said of connections', () => {
    const choice = choose(findings);
    assert.equal(choice?.choseCodec, false);
    assert.equal(choice.way.codec, 'none');
    assert.equal(choice.way.limit.stage, 'reading');
    assert.equal(choice.connections, undefined);
    assert.equal(choice.memoryBytes, defaultMemoryBytes(choice.way.workers));
  });

  it('with a line: a codec that fits the memory, and buffers for the connections', () => {
    const choice = choose({ ...findings, lineRate: 2e6, uploads: [upload(8, 5, 2e6)] });
    assert.equal(choice?.way.codec, 'gzip:6');
    assert.equal(choice.choseCodec, true);
    assert.equal(choice.way.workers, 1);
    assert.deepEqual([choice.connections, choice.partBytes], [8, 5 * MIB]);
    const plan = planMemory({
      isSet: true,
      memoryBytes: choice.memoryBytes,
      workers: 1,
      connections: 8,
      partBytes: 5 * MIB,
      compressionBytes: 5 * MIB,
      partUnitBytes: MIB,
      minPartBytes: 5_000_000,
      maxPartBytes: 5e9,
    });
    assert.ok(plan.partBuffers >= 11, String(plan.partBuffers));
  });

  it('a small machine gets fewer connections than it could use', () => {
    const choice = choose({
      ...findings,
      lineRate: 200e6,
      memoryLimitBytes: 130 * MIB,
      uploads: [upload(16, 16, 200e6)],
    });
    assert.ok((choice?.connections ?? 99) < 16);
    assert.ok((choice?.memoryBytes ?? Infinity) <= 136 * MIB);
  });

  it('the codec of the configuration stays', () => {
    const choice = choose({ ...findings, lineRate: 2e6, codec: 'none' });
    assert.deepEqual([choice?.way.codec, choice?.choseCodec], ['none', false]);
  });

  it('nothing measured, nothing chosen', () => {
    assert.equal(choose({ ...findings, sealing: [] }), undefined);
  });
});

describe('uploads to try', () => {
  const budget = { bytes: 256 * MIB, secondsPerCase: 4 };

  it('pieces that each connection sends several of in the time', () => {
    assert.equal(probeBytes(budget), 512 * 1024);
    assert.equal(probeBytes({ bytes: 400_000, secondsPerCase: 4 }), 100_000);
    for (const [connections, rate, mib] of [
      [1, 100e6, 5],
      [4, 1e6, 1.27],
    ] as const) {
      const one = connectionCase(connections, rate, budget, 8);
      assert.equal(((one?.partBytes ?? 0) / MIB).toFixed(2), mib.toFixed(2));
      assert.equal(one?.maxBytes, 32 * MIB);
    }
  });

  it('a line that one connection fills gets no more', () => {
    assert.equal(connectionCase(2, 50_000, budget, 8), undefined);
    assert.equal(connectionCase(1, 50_000, budget, 8)?.partBytes, 128 * 1024);
    assert.equal(isGrowing([]), true);
    assert.equal(isGrowing([10]), true);
    assert.equal(isGrowing([10, 19]), true);
    assert.equal(isGrowing([10, 19, 19.5]), false);
  });

  it('part sizes only if time and bytes suffice', () => {
    assert.equal(partSizeCase(16 * MIB, 4, 1e6, budget, 1), undefined);
    assert.equal(partSizeCase(16 * MIB, 4, 100e6, { ...budget, bytes: 64 * MIB }, 1), undefined);
    assert.deepEqual(partSizeCase(16 * MIB, 4, 100e6, budget, 1), {
      connections: 4,
      partBytes: 16 * MIB,
      maxBytes: 256 * MIB,
      maxSeconds: 4,
    });
  });
});
