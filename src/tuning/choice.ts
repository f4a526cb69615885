/** Settings from measurements. Pure. */
import { defaultMemoryBytes, neededMemoryBytes } from '../memory/plan.js';
import type { CompressionCase, Figure, UplinkFigure, Measured, SealingCase } from './figures.js';
import { cpuRate, bottleneckOf, stageRates, type Bottleneck } from './limits.js';

const MIB = 1024 * 1024;

export interface Findings {
  /** Of the profile that is configured. */
  readonly sealing: readonly Measured<SealingCase>[];
  readonly compression: readonly Measured<CompressionCase>[];
  readonly reading: number | undefined;
  /** Sealed bytes per second: measured, or given by the user. */
  readonly lineRate: number | undefined;
  readonly uploads: readonly UplinkFigure[];
  /** The most memory that this machine should give to an archive. */
  readonly memoryLimitBytes: number;
  /** The codec for estimates if the configuration names one or the line is unknown; then none is written. */
  readonly codec: string | undefined;
}

/** One way to run an archive here. */
export interface Way {
  readonly codec: string;
  readonly workers: number;
  readonly cpu: number;
  readonly share: number;
  /** Of the compression buffers. */
  readonly bufferBytes: number;
  readonly limit: Bottleneck;
}

export interface Choice {
  readonly way: Way;
  /** Whether the codec was chosen here, which depends on the line's speed. */
  readonly choseCodec: boolean;
  readonly connections: number | undefined;
  readonly partBytes: number | undefined;
  readonly memoryBytes: number;
}

/** A slower way counts as equal if it is this near. */
const NEAR = 0.9;
/** A part size or a number of connections or workers that gives this share of the best is enough. */
const ENOUGH = 0.95;
/** How much faster than the line or the disk the CPUs should be, so that an archive leaves some for others. */
const SPARE = 1.25;

/** Every measured codec and worker count, and the uncompressed tar. */
export function waysOf(findings: Findings): Way[] {
  const plain: Measured<CompressionCase>[] = findings.sealing.map(({ case: { workers } }) => ({
    case: { kind: 'compression', codec: 'none', workers },
    figure: { rate: Infinity, bytes: 1, share: 1, peakBytes: undefined, bufferBytes: 0 },
  }));
  const all = [...plain, ...findings.compression];
  return all.flatMap(({ case: { codec, workers }, figure }) => {
    const seal = findings.sealing.find((one) => one.case.workers === workers)?.figure;
    if (seal === undefined || !fits(figure, findings.memoryLimitBytes)) return [];
    const share = shareOf(all.filter((one) => one.case.codec === codec));
    const cpu = cpuRate(figure.rate, seal.rate, share);
    const limit = bottleneckOf(stageRates(findings.reading, cpu, findings.lineRate, share));
    return [{ codec, workers, cpu, share, bufferBytes: figure.bufferBytes, limit }];
  });
}

/** The compression ratio, averaged, since the cases read different amounts of the sample. */
function shareOf(measured: readonly Measured[]): number {
  const bytes = measured.reduce((sum, { figure }) => sum + figure.bytes, 0);
  return measured.reduce((sum, { figure }) => sum + figure.bytes * figure.share, 0) / bytes;
}

function fits({ peakBytes }: Figure, limitBytes: number): boolean {
  return peakBytes === undefined || peakBytes <= limitBytes;
}

/** @returns undefined where nothing was measured that could be chosen */
export function choose(findings: Findings): Choice | undefined {
  const ways = waysOf(findings);
  const most = Math.max(...ways.map(({ workers }) => workers));
  const full = ways.filter(({ workers }) => workers === most);
  const choseCodec = findings.codec === undefined && findings.lineRate !== undefined;
  const codec = findings.codec ?? (choseCodec ? bestCodec(full)?.codec : 'none');
  const way = fewestWorkers(ways.filter((one) => one.codec === codec));
  if (way === undefined) return undefined;
  return { way, choseCodec, ...lineSettings(findings, way) };
}

/** The shortest time; among near ones the smallest archive; among near ones of those the least work. */
export function bestCodec(ways: readonly Way[]): Way | undefined {
  const fastest = Math.max(...ways.map(({ limit }) => limit.rate));
  const fast = ways.filter(({ limit }) => limit.rate >= NEAR * fastest);
  const smallest = Math.min(...fast.map(({ share }) => share));
  const small = fast.filter(({ share }) => share * NEAR <= smallest);
  return small.toSorted((a, b) => b.cpu - a.cpu)[0];
}

/** The fewest workers that suffice, since workers cost memory and CPUs. */
export function fewestWorkers(ways: readonly Way[]): Way | undefined {
  const fastest = Math.max(...ways.map(({ limit }) => limit.rate));
  const enough = ways.filter(
    ({ limit, cpu }) =>
      limit.rate >= ENOUGH * fastest && (limit.stage === 'cpu' || cpu >= SPARE * limit.rate),
  );
  const [fewest] = enough.toSorted((a, b) => a.workers - b.workers);
  return fewest ?? ways.toSorted((a, b) => b.cpu - a.cpu)[0];
}

/** The fewest connections, then the smallest parts, that carry nearly as much as the best. */
export function bestUpload(uploads: readonly UplinkFigure[]): UplinkFigure | undefined {
  const fastest = Math.max(...uploads.map(({ rate }) => rate));
  return uploads
    .filter(({ rate }) => rate >= ENOUGH * fastest)
    .toSorted((a, b) => a.connections - b.connections || a.partBytes - b.partBytes)[0];
}

/** B2's minimum, except for the last part of a file. */
const LEAST_PART_BYTES = 5 * MIB;
/** Two, so that one sends while the other waits for its answer. */
const LEAST_CONNECTIONS = 2;
/** Memory is set in steps of this. */
const STEP_BYTES = 8 * MIB;

function lineSettings(
  { uploads, memoryLimitBytes }: Findings,
  { workers, bufferBytes }: Way,
): Pick<Choice, 'connections' | 'partBytes' | 'memoryBytes'> {
  const least = defaultMemoryBytes(workers);
  const upload = bestUpload(uploads);
  if (upload === undefined) return { connections: undefined, partBytes: undefined, memoryBytes: least };
  const partBytes = Math.max(LEAST_PART_BYTES, upload.partBytes);
  let connections = Math.max(LEAST_CONNECTIONS, upload.connections);
  // One part is being packed, one held back, and one sealed in each worker, while the others are being sent.
  const needed = (): number =>
    neededMemoryBytes({
      workers,
      compressionBytes: bufferBytes,
      partBytes,
      partBuffers: connections + 2 + workers,
    });
  while (connections > LEAST_CONNECTIONS && needed() > Math.max(least, memoryLimitBytes)) connections -= 1;
  const memoryBytes = Math.max(least, Math.ceil(needed() / STEP_BYTES) * STEP_BYTES);
  return { connections, partBytes, memoryBytes };
}
