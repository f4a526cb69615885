/** Volumes cut by content, in one piece each: the tar, cut, and what is not known compressed, sealed and sent. */
import { hkdfSync } from 'node:crypto';
import { BufferPool } from '../chunks/buffer-pool.js';
import { ByteBudget } from '../chunks/byte-budget.js';
import type { Cut } from '../chunks/cut-plan.js';
import { packParts, type FilledPart } from '../chunks/packer.js';
import type { CodecChoice } from '../compression/codec-choice.js';
import { Effort } from '../compression/effort.js';
import { VolumeCompressor } from '../compression/volume-compressor.js';
import type { Clock } from '../clock.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import { ContentPlan, longestVolumeBytes } from '../reuse/content-plan.js';
import { Copies } from '../reuse/copies.js';
import type { KnownVolume } from '../reuse/known-volumes.js';
import { effortOf, PACKER_BUFFERS, type ReuseMemoryPlan } from '../reuse/memory.js';
import { pieceSizes } from '../reuse/volume-size.js';
import type { Sealer } from '../sealing/ports.js';
import type { ObjectMeta, ObjectStore } from '../store.js';
import type { RunCounters } from './counters.js';
import type { Layout, ObservedTar, VolumeUnderWay } from './layout.js';
import type { ReuseReport } from './reuse-report.js';
import { WholeVolume, type WholeVolumeTools } from './whole-volume.js';

export interface ContentLayoutTools {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly journal: Journal;
  readonly report: ReuseReport;
  readonly counters: RunCounters;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface ContentLayoutFacts {
  readonly targetBytes: number;
  readonly memory: ReuseMemoryPlan;
  readonly codec: CodecChoice;
  /** Volumes of earlier archives, by digest. */
  readonly known: ReadonlyMap<string, KnownVolume>;
  /** Digests of volumes that are sent again because of their age. */
  readonly due: ReadonlySet<string>;
  readonly metaOf: (volume: number) => ObjectMeta;
}

export class ContentLayout implements Layout {
  readonly #facts: ContentLayoutFacts;
  readonly #volumeKey: Uint8Array;
  readonly #hostKey: Uint8Array;
  readonly #scratch: ByteBudget;
  readonly #tools: WholeVolumeTools;

  constructor(tools: ContentLayoutTools, facts: ContentLayoutFacts) {
    this.#facts = facts;
    const { sealer, journal, clock, signal } = tools;
    this.#hostKey = Buffer.from(journal.state.archive.digestKey, 'hex');
    this.#volumeKey = new Uint8Array(
      hkdfSync('sha256', this.#hostKey, new Uint8Array(0), 'backuppc-b2 volume', 32),
    );
    const longest = longestVolumeBytes(pieceSizes(facts.targetBytes));
    const { volumeBytes, scratchBytes, workBytes } = facts.memory;
    const range = effortOf(facts.codec);
    const effort = range && new Effort(range, volumeBytes, workBytes, () => clock.monotonic());
    this.#scratch = new ByteBudget(scratchBytes);
    this.#tools = {
      ...tools,
      buffers: new BufferPool(sealer.layout.dataOffset + longest, PACKER_BUFFERS),
      memory: new ByteBudget(volumeBytes),
      compressor: new VolumeCompressor({
        codec: facts.codec,
        compressor: sealer.pool,
        memory: this.#scratch,
        effort,
        signal,
      }),
      effort,
      copies: new Copies({ store: tools.store, monotonic: () => clock.monotonic(), signal }),
    };
  }

  pack(tar: ObservedTar): AsyncIterable<FilledPart> {
    const { buffers, sealer } = this.#tools;
    const plan = new ContentPlan(this.#hostKey, pieceSizes(this.#facts.targetBytes), tar.watch);
    // The index has to hear of a volume before it hears of the members in it: so the cuts are decided ahead of the packer.
    let decided: readonly Cut[] = [];
    const bytes = indexed(tar, (slice) => (decided = plan.cuts(slice)));
    return packParts(bytes, { plan: { cuts: () => decided }, buffers, dataOffset: sealer.layout.dataOffset });
  }

  begin(index: number): VolumeUnderWay {
    const { known, due, metaOf } = this.#facts;
    return new WholeVolume(this.#tools, {
      index,
      meta: metaOf(index),
      volumeKey: this.#volumeKey,
      earlier: (digest) => known.get(digest),
      isDue: (digest) => due.has(digest),
    });
  }

  breakOff(reason: Error): void {
    const { buffers, memory } = this.#tools;
    buffers.close(reason);
    memory.close(reason);
    this.#scratch.close(reason);
  }

  close(): void {
    this.#tools.compressor.close();
  }
}

async function* indexed(
  { bytes, watch, index }: ObservedTar,
  cutsOf: (slice: Uint8Array) => readonly Cut[],
): AsyncGenerator<Uint8Array> {
  let volume = 0;
  /** Where a volume begins, if anything follows. */
  let begins: number | undefined = 0;
  const begin = (): void => {
    if (begins !== undefined) index?.point({ tarOffset: begins, volume: volume++, streamOffset: 0 });
    begins = undefined;
  };
  for await (const slice of bytes) {
    const cuts = cutsOf(slice);
    let next = 0;
    if (slice.length > 0) begin();
    for (const member of watch.members) {
      for (let cut = cuts[next]; cut !== undefined && cut.at <= member.offset; cut = cuts[++next]) {
        begin();
        begins = cut.at;
      }
      begin();
      await index?.add([member]);
    }
    for (const cut of cuts.slice(next)) {
      begin();
      begins = cut.at;
    }
    yield slice;
  }
}
