/** One memory budget for an archive: what its compression gets, and what its parts get. Pure. */
import {
  memoryForCompression,
  planMemory,
  type MemoryPlan,
  type MemoryRequest,
} from '../chunks/memory-plan.js';
import { DEFAULT_AEAD_CHUNK_BYTES } from '../openpgp/layout.js';
import type { CodecChoice } from './codec-choice.js';
import { planCompression, type CompressionPlan } from './memory.js';

/** B2's limits; the store's own are compared with them once it is open. */
const MIN_PART_BYTES = 5_000_000;
const MAX_PART_BYTES = 5_000_000_000;

export interface Budget extends MemoryPlan {
  readonly compression: CompressionPlan;
}

/** @throws Failure `config` when the budget is too small for what is asked. */
export function planBudget(
  codec: CodecChoice,
  asked: Pick<MemoryRequest, 'memoryBytes' | 'workers' | 'connections' | 'partBytes'>,
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
