/** Volumes of a given size, as large files of concurrent parts: the compressed tar, cut. */
import { BufferPool } from '../chunks/buffer-pool.js';
import { packParts, type FilledPart } from '../chunks/packer.js';
import { mostParts, SizePlan } from '../chunks/size-plan.js';
import type { Clock } from '../clock.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { Spool } from '../journal/spool.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import type { Sealer } from '../sealing/ports.js';
import type { ObjectMeta, ObjectStore } from '../store.js';
import type { RunCounters } from './counters.js';
import { LargeVolume, type LargeVolumeTools, type VolumeFate } from './large-volume.js';
import type { Layout, ObservedTar, VolumeUnderWay } from './layout.js';

export interface SizedLayoutTools {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly journal: Journal;
  readonly spool: Spool | undefined;
  /** The (compressed) stream of the source's bytes. */
  readonly compress: Compress;
  readonly counters: RunCounters;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** @param onRestart as in `CompressOptions` */
export type Compress = (
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onRestart: (sourceBytes: number, streamBytes: number) => void,
) => AsyncIterable<Uint8Array>;

export interface SizedLayoutFacts {
  readonly splitSize: number;
  readonly partBuffers: number;
  readonly fateOf: (volume: number) => VolumeFate;
  readonly metaOf: (volume: number) => ObjectMeta;
}

export class SizedLayout implements Layout {
  readonly #tools: SizedLayoutTools;
  readonly #facts: SizedLayoutFacts;
  readonly #buffers: BufferPool;
  readonly #sending: BufferPool | undefined;
  readonly #ofVolumes: LargeVolumeTools;
  readonly #digestKey: Uint8Array;

  constructor(tools: SizedLayoutTools, facts: SizedLayoutFacts) {
    this.#tools = tools;
    this.#facts = facts;
    const { sealer, journal, spool, clock } = tools;
    const { partBuffers, splitSize } = facts;
    const { bufferBytes } = sealer.layout;
    // With a spool, half of the buffers send from it; at least three keep filling.
    const sending = Math.max(1, Math.min(Math.floor(partBuffers / 2), partBuffers - 3));
    this.#buffers = new BufferPool(bufferBytes, spool === undefined ? partBuffers : partBuffers - sending);
    this.#sending = spool && new BufferPool(bufferBytes, sending);
    this.#digestKey = Buffer.from(journal.state.archive.digestKey, 'hex');
    this.#ofVolumes = {
      ...tools,
      buffers: this.#buffers,
      spool: spool && this.#sending && { spool, buffers: this.#sending },
      monotonic: () => clock.monotonic(),
      newSecrets: secretsAhead(sealer, splitSize > 0),
    };
  }

  pack(tar: ObservedTar): AsyncIterable<FilledPart> {
    const { sealer, store, counters, compress, signal } = this.#tools;
    const { layout } = sealer;
    const compressed = compress(indexed(tar), signal, (tarOffset, streamOffset) => {
      tar.index?.point({ tarOffset, volume: undefined, streamOffset });
    });
    return packParts(counted(compressed, counters), {
      plan: new SizePlan({
        splitSize: this.#facts.splitSize,
        maxParts: mostParts(store.limits, layout.bufferBytes),
        dataBytes: (part) => layout.dataBytes(part),
      }),
      buffers: this.#buffers,
      dataOffset: layout.dataOffset,
    });
  }

  begin(index: number): VolumeUnderWay {
    const { fateOf, metaOf } = this.#facts;
    const facts = { index, fate: fateOf(index), meta: metaOf(index), digestKey: this.#digestKey };
    return new LargeVolume(this.#ofVolumes, facts);
  }

  breakOff(reason: Error): void {
    this.#buffers.close(reason);
    this.#sending?.close(reason);
  }

  close(): void {
    // It holds nothing but memory.
  }
}

/** Makes the next volume's secrets while the current one is under way, because recipients' packets take a moment. */
function secretsAhead(sealer: Sealer, several: boolean): () => Promise<VolumeSecrets> {
  const make = (): Promise<VolumeSecrets> => {
    const secrets = sealer.newVolume();
    secrets.catch(() => undefined);
    return secrets;
  };
  let next: Promise<VolumeSecrets> | undefined;
  return () => {
    const secrets = next ?? make();
    next = several ? make() : undefined;
    return secrets;
  };
}

async function* indexed({ bytes, watch, index }: ObservedTar): AsyncGenerator<Uint8Array> {
  for await (const slice of bytes) {
    await index?.add(watch.members);
    yield slice;
  }
}

async function* counted(bytes: AsyncIterable<Uint8Array>, counters: RunCounters): AsyncGenerator<Uint8Array> {
  for await (const slice of bytes) {
    counters.packed += slice.length;
    yield slice;
  }
}
