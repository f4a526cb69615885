/** Divides an archive's memory budget between compression and parts. Pure. */
import { Failure } from '../errors.js';
import type { StoreLimits } from '../store.js';
import { memoryForCompression, planMemory, type MemoryPlan, type MemoryRequest } from './plan.js';
import { DEFAULT_AEAD_CHUNK_BYTES } from '../openpgp/layout.js';
import type { CodecChoice } from '../compression/codec-choice.js';
import { planCompression, type CompressionPlan } from '../compression/memory.js';

/** B2's limits, used until the store is open; then `checkPartSize` compares them with the store's. */
const MIN_PART_BYTES = 5_000_000;
const MAX_PART_BYTES = 5_000_000_000;

export interface Budget extends MemoryPlan {
  readonly compression: CompressionPlan;
}

/** @throws Failure `config` when the budget is too small for what is asked. */
export function planBudget(
  codec: CodecChoice,
  asked: Pick<MemoryRequest, 'memoryBytes' | 'isSet' | 'workers' | 'connections' | 'partBytes'>,
): Budget {
  const request = {
    ...asked,
    partUnitBytes: DEFAULT_AEAD_CHUNK_BYTES,
    minPartBytes: MIN_PART_BYTES,
    maxPartBytes: MAX_PART_BYTES,
  };
  const compression = planCompression(codec, asked.workers, memoryForCompression(request));
  return { compression, ...planMemory({ ...request, compressionBytes: compression.bytes }) };
}

/** @throws Failure `config` if the opened store does not accept parts of the planned size */
export function checkPartSize(
  { partBytes }: Pick<MemoryPlan, 'partBytes'>,
  { minPartBytes, maxPartBytes }: Pick<StoreLimits, 'minPartBytes' | 'maxPartBytes'>,
): void {
  if (partBytes >= minPartBytes && partBytes <= maxPartBytes) return;
  throw new Failure(
    'config',
    `the store accepts parts of ${minPartBytes} to ${maxPartBytes} bytes, not of ${partBytes}`,
    {
      hint: 'set another --part-size',
    },
  );
}
