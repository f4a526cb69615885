/**
 * How one `--memory` budget becomes buffers. Pure.
 *
 * The budget counts what the program allocates beyond bare Node (whose program text, about 45 MB, is mapped from disk): the heaps of its
 * threads, and all buffers that hold data: tar chunks before and after compression, and parts from packing until B2 has confirmed them.
 */
import { Failure } from '../errors.js';

const MIB = 1024 * 1024;

export interface MemoryRequest {
  readonly memoryBytes: number;
  /** Whether an operator set the budget. If not, no more of it is used than serves the usual line. */
  readonly isSet: boolean;
  readonly workers: number;
  /** A fixed number, or 'auto'. */
  readonly connections: number | 'auto';
  /** Set by the operator, or by the journal of the resumed run; undefined = chosen here. */
  readonly partBytes: number | undefined;
  /** Bytes that the compression stage needs at least (0 without compression). */
  readonly compressionBytes: number;
  /** Parts are multiples of this (the OpenPGP AEAD chunk). */
  readonly partUnitBytes: number;
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
}

export interface MemoryPlan {
  readonly partBytes: number;
  readonly partBuffers: number;
  readonly compressionBytes: number;
  /** Uploads that can be under way at once with these buffers. */
  readonly maxConnections: number;
}

/** Heap of the main thread with everything it loads, and of each worker thread, as measured; see bench/README.md. */
export const HEAP_BYTES = { main: 28 * MIB, worker: 8 * MIB } as const;

/** One part being packed, one held back, one being sent: fewer cannot keep a connection busy. */
const LEAST_BUFFERS = 3;
/** The number of parts that a large budget is divided into: two at the packer, one in each of two workers, six connections. */
const LIKED_BUFFERS = 10;
/** Beside one for each worker: two at the packer, and four connections that need not wait while all workers are busy. */
const USUAL_BUFFERS = 6;

/** The default budget: 100 MiB for two workers, and the heap and chunks of each further one. */
export function defaultMemoryBytes(workers: number): number {
  return (68 + 16 * workers) * MIB;
}

/** The budget as set, or the default for so many workers. */
export function memoryBytesOf(set: {
  readonly memory: number | undefined;
  readonly workers: number;
}): number {
  return set.memory ?? defaultMemoryBytes(set.workers);
}

/** The budget needed for this many parts. */
export function neededMemoryBytes(
  need: Pick<MemoryRequest, 'workers' | 'compressionBytes'> & Pick<MemoryPlan, 'partBytes' | 'partBuffers'>,
): number {
  const heapBytes = HEAP_BYTES.main + need.workers * HEAP_BYTES.worker;
  return heapBytes + need.compressionBytes + need.partBuffers * need.partBytes;
}

/** The most of the budget that compression may have: its output also has to be sealed and sent. */
const COMPRESSION_SHARE = 0.65;

/** What compression may take so that the minimum number of parts still fits. */
export function memoryForCompression({
  memoryBytes,
  workers,
  partBytes,
  minPartBytes,
  partUnitBytes,
}: Omit<MemoryRequest, 'compressionBytes'>): number {
  const leastPartBytes = partBytes ?? Math.ceil(minPartBytes / partUnitBytes) * partUnitBytes;
  const heapBytes = HEAP_BYTES.main + workers * HEAP_BYTES.worker;
  return Math.min(COMPRESSION_SHARE * memoryBytes, memoryBytes - heapBytes - LEAST_BUFFERS * leastPartBytes);
}

/** @throws Failure `config` when the budget is too small for what is asked. */
export function planMemory(request: MemoryRequest): MemoryPlan {
  const unit = request.partUnitBytes;
  const roundDown = (bytes: number): number => Math.floor(bytes / unit) * unit;
  const smallest = Math.ceil(request.minPartBytes / unit) * unit;
  const fixedBytes = HEAP_BYTES.main + request.workers * HEAP_BYTES.worker + request.compressionBytes;
  const left = request.memoryBytes - fixedBytes;

  const wanted = request.connections === 'auto' ? LEAST_BUFFERS : request.connections + 2;
  let partBytes: number;
  if (request.partBytes === undefined) {
    partBytes = Math.max(smallest, Math.min(roundDown(left / Math.max(LIKED_BUFFERS, wanted)), 16 * MIB));
  } else {
    partBytes = roundDown(request.partBytes);
    if (partBytes < smallest || partBytes > request.maxPartBytes) {
      throw new Failure('config', `part size ${request.partBytes} is outside what the store accepts`, {
        hint: `--part-size: ${smallest / MIB} MiB to ${Math.floor(request.maxPartBytes / MIB)} MiB, in steps of ${unit / MIB} MiB`,
      });
    }
  }
  const room = Math.floor(left / partBytes);
  const partBuffers = request.isSet
    ? room
    : Math.min(room, Math.max(wanted, request.workers + USUAL_BUFFERS));
  if (partBuffers < wanted) {
    const needed = Math.ceil((wanted * partBytes + fixedBytes) / MIB);
    throw new Failure(
      'config',
      `a memory budget of ${Math.floor(request.memoryBytes / MIB)} MiB is too small for ${wanted} parts of ${partBytes / MIB} MiB`,
      {
        hint: `--memory ${needed}M, a smaller --part-size or fewer --connections`,
      },
    );
  }
  return {
    partBytes,
    partBuffers,
    compressionBytes: request.compressionBytes,
    maxConnections: partBuffers - 2,
  };
}
