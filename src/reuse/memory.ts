/** How the memory budget is divided for volumes that are cut by content. Pure. */
import { HEAP_BYTES } from '../memory/plan.js';
import type { EffortRange } from '../compression/codec.js';
import type { CodecChoice } from '../compression/codec-choice.js';
import { CODECS } from '../compression/codecs.js';
import { scratchBytesFor } from '../compression/volume-compressor.js';
import { Failure } from '../errors.js';
import { longestVolumeBytes } from './content-plan.js';
import { pieceSizes } from './volume-size.js';

const MIB = 1024 * 1024;

/** The packer's buffers, each as long as the longest volume, which is copied out as soon as there is memory for it. */
export const PACKER_BUFFERS = 1;
/** Uploads of small files side by side; more bring nothing. */
export const MOST_UPLOADS = 32;
/** Volumes under way for each worker: one that it works on, one that waits for it. */
const PER_WORKER = 2;
const SMALLEST_TARGET = 64 * 1024;
const LARGEST_TARGET = 1024 * MIB;

export interface ReuseMemory {
  readonly memoryBytes: number;
  readonly workers: number;
  readonly codec: CodecChoice;
}

export interface ReuseMemoryPlan {
  /** For volumes in flight, unsealed and sealed. */
  readonly volumeBytes: number;
  /** For the compressor's output. */
  readonly scratchBytes: number;
  /** What one worker may use to compress a volume, besides input and output; only where the level adapts to the line. */
  readonly workBytes: number;
}

/** The largest target that fits. @throws Failure `config` if none does */
export function largestTarget(memory: ReuseMemory): number {
  let target = SMALLEST_TARGET;
  if (spare(memory, target) < 0) {
    const needed = neededMemory(memory, target);
    throw new Failure(
      'config',
      `a memory budget of ${Math.floor(memory.memoryBytes / MIB)} MiB is too small`,
      {
        hint: `--memory ${needed}M, or fewer --workers`,
      },
    );
  }
  while (target < LARGEST_TARGET && spare(memory, 2 * target) >= 0) target *= 2;
  return target;
}

/** The least budget that has room for volumes of this target, MiB. */
export function neededMemory(memory: ReuseMemory, targetBytes: number): number {
  return Math.ceil((memory.memoryBytes - spare(memory, targetBytes)) / MIB);
}

/** @param targetBytes one that fits */
export function planReuse(memory: ReuseMemory, targetBytes: number): ReuseMemoryPlan {
  const { workers, codec } = memory;
  const longest = longestOf(targetBytes);
  const scratch = scratchBytesFor(codec, longest);
  const { usualWork, mostWork } = workOf(codec, longest);
  let left = spare(memory, targetBytes);
  const effort = Math.min(workers * (mostWork - usualWork), left / 2);
  left -= effort;
  const scratches = Math.min((workers - 1) * scratch, left / 4);
  left -= scratches;
  return {
    // More would only wait for the line.
    volumeBytes: Math.floor(longest + Math.min(left, (MOST_UPLOADS + PER_WORKER * workers) * targetBytes)),
    scratchBytes: Math.floor(scratch + scratches),
    workBytes: Math.floor(usualWork + effort / workers),
  };
}

/** What is left after the bare minimum: the longest volume in the packer, one in flight, and one coming out of the compressor. */
function spare({ memoryBytes, workers, codec }: ReuseMemory, targetBytes: number): number {
  const longest = longestOf(targetBytes);
  const volumes = (PACKER_BUFFERS + 1) * longest + scratchBytesFor(codec, longest);
  return memoryBytes - HEAP_BYTES.main - workers * (HEAP_BYTES.worker + moreWork(codec, longest)) - volumes;
}

/** For a fixed level: how much more its tables take than those of the usual level, which the worker's heap already allows for. */
function moreWork(codec: CodecChoice, longest: number): number {
  if (codec.kind !== 'listed' || codec.auto) return 0;
  const range = CODECS[codec.name].effort;
  if (range === undefined) return 0;
  return Math.max(0, range.workBytes(codec.level, longest) - range.workBytes(range.usual, longest));
}

function workOf(codec: CodecChoice, longest: number): { usualWork: number; mostWork: number } {
  const range = effortOf(codec);
  if (range === undefined) return { usualWork: 0, mostWork: 0 };
  const mostWork = Math.max(...range.steps.map((level) => range.workBytes(level, longest)));
  return { usualWork: range.workBytes(range.usual, longest), mostWork };
}

/** Of a codec whose level adapts to the line; otherwise undefined. */
export function effortOf(codec: CodecChoice): EffortRange | undefined {
  return codec.kind === 'listed' && codec.auto ? CODECS[codec.name].effort : undefined;
}

function longestOf(targetBytes: number): number {
  return longestVolumeBytes(pieceSizes(targetBytes));
}
