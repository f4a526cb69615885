/** One case in the real worker pool, for a given time. Runs in a process of its own, so that its memory is its own. */
import { randomBytes } from 'node:crypto';
import { BufferPool } from '../chunks/buffer-pool.js';
import { defaultMemoryBytes } from '../memory/plan.js';
import { packParts, type FilledPart } from '../chunks/packer.js';
import { SizePlan } from '../chunks/size-plan.js';
import { planBudget, type Budget } from '../memory/budget.js';
import { codecOf, methodOf, type CodecChoice } from '../compression/codec-choice.js';
import { installed, withQuickest } from '../compression/quickest.js';
import { compressStream } from '../compression/compress-stream.js';
import { DEFAULT_AEAD_CHUNK_BYTES } from '../openpgp/layout.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import type { Sealer } from '../sealing/ports.js';
import { createSealer } from '../sealing/sealer.js';
import { Endless, READ_BYTES, Stopwatch } from './endless.js';
import type { CompressionCase, Figure, SealingCase, WholeCase } from './figures.js';

export interface CaseOrder {
  readonly case: SealingCase | CompressionCase | WholeCase;
  readonly sample: string;
  readonly seconds: number;
}

/** What the process itself can measure; its parent adds the memory. */
export type CaseResult = Omit<Figure, 'peakBytes'>;

/** Few enough for the slowest codec on a slow machine. */
const COMPARED_BYTES = 8 * 2 ** 20;
const DIGEST_KEY = new Uint8Array(32);

export async function runCase(order: CaseOrder): Promise<CaseResult> {
  switch (order.case.kind) {
    case 'sealing':
      return runSealing(order.case, order.seconds);
    case 'compression':
      return runCompression(order.case, order);
    case 'whole':
      return runWhole(order.case, order);
  }
}

function planFor(codec: CodecChoice, workers: number, memoryBytes: number, partBytes?: number): Budget {
  return planBudget(codec, { memoryBytes, isSet: true, workers, connections: 'auto', partBytes });
}

function sealerFor(
  { profile, aead, workers }: Pick<SealingCase, 'profile' | 'aead' | 'workers'>,
  partBytes: number,
): Promise<Sealer> {
  return createSealer({
    workers,
    profile,
    aead,
    partBytes,
    // What is sealed here is discarded.
    passwords: [randomBytes(16).toString('hex')],
    s2kOctets: 1024,
  });
}

async function runSealing(one: SealingCase, seconds: number): Promise<CaseResult> {
  const none = codecOf({ compPath: '', compExt: '', override: 'none' });
  const { partBytes, partBuffers } = planFor(none, one.workers, defaultMemoryBytes(one.workers));
  const sealer = await sealerFor(one, partBytes);
  try {
    const secrets = await sealer.newVolume();
    const { layout } = sealer;
    const buffers = Array.from(
      { length: Math.min(partBuffers, 2 * one.workers) },
      () => new ArrayBuffer(layout.bufferBytes),
    );
    let part = 0;
    let bytes = 0;
    const keepSealing = async (buffer: ArrayBuffer, until: () => boolean): Promise<ArrayBuffer> => {
      let mine = buffer;
      do {
        const dataBytes = layout.dataBytes(part);
        mine = (
          await sealer.seal({
            secrets,
            volume: 0,
            part: part++,
            last: false,
            buffer: mine,
            dataBytes,
            digestKey: DIGEST_KEY,
          })
        ).buffer;
        bytes += dataBytes;
      } while (!until());
      return mine;
    };
    // Threads that have just started are slow.
    const warm = await Promise.all(buffers.map((buffer) => keepSealing(buffer, () => true)));
    bytes = 0;
    const timer = new Stopwatch(seconds);
    await Promise.all(warm.map((buffer) => keepSealing(buffer, () => timer.over)));
    return {
      rate: bytes / timer.elapsed,
      bytes,
      share: layout.bufferBytes / layout.dataBytes(1),
      bufferBytes: partBuffers * partBytes,
    };
  } finally {
    await sealer.close();
  }
}

async function runCompression(one: CompressionCase, order: CaseOrder): Promise<CaseResult> {
  const codec = chosen(one.codec);
  const { compression, compressionBytes: bufferBytes } = planFor(
    codec,
    one.workers,
    defaultMemoryBytes(one.workers),
  );
  const sealer = await sealerFor({ ...one, profile: 'librepgp', aead: 'ocb' }, DEFAULT_AEAD_CHUNK_BYTES * 5);
  try {
    // Waits until a worker is up.
    await sealer.newVolume();
    const batch = batchBytes(codec, one.workers);
    const stream = async (seconds: number, leastBytes: number): Promise<CaseResult> => {
      const timer = new Stopwatch(seconds);
      const source = new Endless(order.sample, Math.ceil(leastBytes / batch) * batch, timer);
      const { signal } = new AbortController();
      let out = 0;
      const options = { ...compression, compressor: sealer.pool, signal };
      for await (const slice of compressStream(source.read(), codec, options)) out += slice.length;
      const { elapsed } = timer;
      return { rate: source.bytes / elapsed, bytes: source.bytes, share: out / source.bytes, bufferBytes };
    };
    // Every codec gets the same beginning of the sample, so that ratios can be compared. It also serves as warm-up.
    const first = await stream(0, COMPARED_BYTES);
    if (first.bytes / first.rate >= order.seconds) return first;
    return { ...first, rate: (await stream(order.seconds, batch)).rate };
  } finally {
    await sealer.close();
  }
}

async function runWhole(one: WholeCase, order: CaseOrder): Promise<CaseResult> {
  const codec = chosen(one.codec);
  const plan = planFor(codec, one.workers, one.memoryBytes, one.partBytes);
  const sealer = await sealerFor(one, plan.partBytes);
  try {
    const { layout } = sealer;
    const buffers = new BufferPool(layout.bufferBytes, plan.partBuffers);
    const timer = new Stopwatch(order.seconds);
    const source = new Endless(order.sample, batchBytes(codec, one.workers), timer);
    const { signal } = new AbortController();
    const packed = compressStream(source.read(), codec, {
      ...plan.compression,
      compressor: sealer.pool,
      signal,
    });
    const volumes = new Map<number, Promise<VolumeSecrets>>();
    const underWay = new Set<Promise<void>>();
    let out = 0;
    const seal = async ({ volume, part, last, buffer, dataBytes }: FilledPart): Promise<void> => {
      let secrets = volumes.get(volume);
      if (secrets === undefined) volumes.set(volume, (secrets = sealer.newVolume()));
      const request = { volume, part, last, buffer, dataBytes, digestKey: DIGEST_KEY };
      const sealed = await sealer.seal({ ...request, secrets: await secrets });
      out += sealed.bytes;
      buffers.give(sealed.buffer);
    };
    for await (const filled of packParts(packed, {
      plan: new SizePlan({ splitSize: 0, maxParts: 10_000, dataBytes: (index) => layout.dataBytes(index) }),
      buffers,
      dataOffset: layout.dataOffset,
    })) {
      const sealing = seal(filled);
      underWay.add(sealing);
      void sealing.finally(() => underWay.delete(sealing)).catch(() => undefined);
    }
    await Promise.all(underWay);
    return {
      rate: source.bytes / timer.elapsed,
      bytes: source.bytes,
      share: out / source.bytes,
      bufferBytes: plan.partBuffers * plan.partBytes + plan.compressionBytes,
    };
  } finally {
    await sealer.close();
  }
}

/** As an archive would be compressed here. */
function chosen(override: string): CodecChoice {
  return withQuickest(codecOf({ compPath: '', compExt: '', override }), installed);
}

/** A batch that keeps every worker equally busy to the end. */
function batchBytes(codec: CodecChoice, workers: number): number {
  if (codec.kind !== 'listed') return READ_BYTES;
  const method = methodOf(codec);
  return workers * ('chunkBytes' in method ? method.chunkBytes(codec.level) : READ_BYTES);
}
