/** What the memory budget has for volumes that are cut by content. Pure. */
import { HEAP_BYTES } from '../memory/plan.js';
import type { CodecChoice } from '../compression/codec-choice.js';
import { scratchBytesFor } from '../compression/volume-compressor.js';
import { Failure } from '../errors.js';
import { longestVolumeBytes } from './content-plan.js';
import { pieceSizes } from './volume-size.js';

const MIB = 1024 * 1024;

/** Buffers of the packer, as long as the longest volume: one is filled while the other waits to be fitted. */
export const PACKER_BUFFERS = 2;
/** The longest volumes that have to fit at once beside those, or nothing would be sent while one is compressed. */
const LEAST_UNDER_WAY = 2;
const SMALLEST_TARGET = 64 * 1024;

export interface ReuseMemory {
  readonly memoryBytes: number;
  readonly workers: number;
  readonly codec: CodecChoice;
}

/** The largest target that fits. @throws Failure `config` where none does */
export function largestTarget(memory: ReuseMemory): number {
  let target = SMALLEST_TARGET;
  if (spare(memory, target) < 0) {
    const needed = Math.ceil((memory.memoryBytes - spare(memory, target)) / MIB);
    throw new Failure(
      'config',
      `a memory budget of ${Math.floor(memory.memoryBytes / MIB)} MiB is too small`,
      {
        hint: `--memory ${needed}M, or fewer --workers`,
      },
    );
  }
  while (target < 1024 * MIB && spare(memory, 2 * target) >= 0) target *= 2;
  return target;
}

/** For volumes that are under way, when volumes have this target. */
export function volumeMemoryBytes(memory: ReuseMemory, targetBytes: number): number {
  return spare(memory, targetBytes) + LEAST_UNDER_WAY * longest(targetBytes);
}

/** What is left beside the least. */
function spare({ memoryBytes, workers, codec }: ReuseMemory, targetBytes: number): number {
  const scratch = workers * scratchBytesFor(codec, longest(targetBytes));
  const volumes = (PACKER_BUFFERS + LEAST_UNDER_WAY) * longest(targetBytes);
  return memoryBytes - HEAP_BYTES.main - workers * HEAP_BYTES.worker - scratch - volumes;
}

function longest(targetBytes: number): number {
  return longestVolumeBytes(pieceSizes(targetBytes));
}
