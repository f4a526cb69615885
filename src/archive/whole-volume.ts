/**
 * A volume that was cut by content, held in memory as a whole: recognised, then skipped, copied inside B2, or compressed, sealed and sent.
 * That is decided before any work: a known volume costs only reading and a digest.
 */
import type { BufferPool } from '../chunks/buffer-pool.js';
import type { ByteBudget } from '../chunks/byte-budget.js';
import type { FilledPart } from '../chunks/packer.js';
import type { Effort } from '../compression/effort.js';
import type { VolumeCompressor } from '../compression/volume-compressor.js';
import { discard } from '../discard.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { VolumeState } from '../journal/state.js';
import type { Copies, NotCopied } from '../reuse/copies.js';
import { decide } from '../reuse/decision.js';
import type { KnownVolume } from '../reuse/known-volumes.js';
import type { Sealer } from '../sealing/ports.js';
import type { ObjectMeta, ObjectStore } from '../store.js';
import { deleteOrTell, discardVolume } from './abandon.js';
import type { RunCounters } from './counters.js';
import type { VolumeUnderWay } from './layout.js';
import type { ReuseReport } from './reuse-report.js';

export interface WholeVolumeTools {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly journal: Journal;
  /** The packer's. */
  readonly buffers: BufferPool;
  /** For volumes that are under way, each in a buffer of its own size. */
  readonly memory: ByteBudget;
  readonly compressor: VolumeCompressor;
  /** Told of what waits to be sent, where the level of compression follows the line. */
  readonly effort: Effort | undefined;
  readonly copies: Copies;
  readonly report: ReuseReport;
  readonly counters: RunCounters;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface WholeVolumeFacts {
  readonly index: number;
  readonly meta: ObjectMeta;
  /** Of the digests by which volumes are recognised. */
  readonly volumeKey: Uint8Array;
  /** The volume with this digest of an earlier archive. */
  readonly earlier: (digest: string) => KnownVolume | undefined;
  readonly isDue: (digest: string) => boolean;
}

export class WholeVolume implements VolumeUnderWay {
  readonly index: number;
  readonly #tools: WholeVolumeTools;
  readonly #facts: WholeVolumeFacts;
  /** Of the memory. */
  #held = 0;

  constructor(tools: WholeVolumeTools, facts: WholeVolumeFacts) {
    this.index = facts.index;
    this.#tools = tools;
    this.#facts = facts;
  }

  async accept(part: FilledPart): Promise<undefined> {
    const { sealer, memory } = this.#tools;
    try {
      const tar = await this.#fit(part);
      const { buffer, digest } = await sealer.pool.fingerprint(
        this.#facts.volumeKey,
        tar,
        sealer.layout.dataOffset,
      );
      await this.#store(buffer, digest);
    } finally {
      memory.give(this.#held);
      this.#held = 0;
    }
  }

  finish(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Copies it into a buffer of its own size: the packer's fits the longest volume, and goes back to the pool. */
  async #fit({ buffer, dataBytes }: FilledPart): Promise<ArrayBuffer> {
    const { buffers, memory, sealer } = this.#tools;
    const { dataOffset } = sealer.layout;
    try {
      await memory.take(dataBytes);
      this.#held = dataBytes;
      const fitted = new ArrayBuffer(dataOffset + dataBytes);
      new Uint8Array(fitted, dataOffset).set(new Uint8Array(buffer, dataOffset, dataBytes));
      return fitted;
    } finally {
      buffers.give(buffer);
    }
  }

  async #store(tar: ArrayBuffer, digest: string): Promise<void> {
    const { journal, copies, counters, report } = this.#tools;
    const state = journal.state.volumes.get(this.index);
    const decision = decide({
      digest,
      stored: state?.finished === true ? state.parts.get(0)?.digest : undefined,
      earlier: this.#facts.earlier(digest),
      due: this.#facts.isDue(digest),
      refused: copies.refused !== undefined,
    });
    if (decision.kind === 'skip') {
      const bytes = state?.parts.get(0)?.bytes ?? 0;
      counters.skipped += bytes;
      discard(new Uint8Array(tar));
      return;
    }
    if (state !== undefined && decision.giveUp) await this.#giveUp(state);
    if (decision.kind === 'copy') {
      const notCopied = await this.#copy(decision.from, digest);
      if (notCopied === undefined) {
        discard(new Uint8Array(tar));
        return;
      }
      report.sentInstead(notCopied);
    } else if (copies.refused !== undefined && decision.reason === 'refused')
      report.sentInstead(copies.refused);
    else if (decision.reason === 'due') report.sentAnew();
    await this.#send(tar, digest);
  }

  async #giveUp(state: VolumeState): Promise<void> {
    const { store, journal, emit } = this.#tools;
    await discardVolume(store, journal, state, 'the source gave other data than before', emit);
  }

  /** @returns why it has to be sent */
  async #copy(from: KnownVolume, digest: string): Promise<NotCopied | undefined> {
    const { store, journal, copies, counters, emit } = this.#tools;
    const { meta } = this.#facts;
    const { bytes, sha1, dataBytes, sentAt } = from;
    // Recorded before the request: a rerun finds the copy by its SHA-1 even if the answer was lost.
    await journal.startWholeVolume(
      meta.fileName,
      { volume: this.index, bytes, sha1, dataBytes, digest },
      sentAt,
    );
    const result = await copies.copy(from, meta);
    if (result.kind === 'copied') {
      counters.copied += bytes;
      counters.packed += dataBytes;
      journal.finishWholeVolume(this.index, result.fileId, sentAt);
      return undefined;
    }
    await journal.abandonVolume(this.index, `${result.reason}: ${result.detail}`);
    if (result.wrong !== undefined) await deleteOrTell(store, result.wrong, emit);
    return result;
  }

  async #send(tar: ArrayBuffer, digest: string): Promise<void> {
    const { store, sealer, journal, compressor, effort, counters, memory, signal } = this.#tools;
    const { meta } = this.#facts;
    const { dataOffset } = sealer.layout;
    const buffer = await compressor.compress(tar, dataOffset);
    const dataBytes = buffer.byteLength - dataOffset;
    counters.packed += dataBytes;
    // Incompressible data is a little longer than the tar; that is not counted.
    const freed = Math.max(0, this.#held - dataBytes);
    this.#held -= freed;
    memory.give(freed);
    const sealed = await sealer.seal({
      secrets: await sealer.newVolume(),
      volume: this.index,
      part: 0,
      last: true,
      buffer,
      dataBytes,
      digestKey: undefined,
    });
    const { bytes, sha1 } = sealed;
    await journal.startWholeVolume(meta.fileName, { volume: this.index, bytes, sha1, dataBytes, digest });
    signal.throwIfAborted();
    const body = { bytes: new Uint8Array(sealed.buffer, sealed.offset, bytes), sha1 };
    effort?.ready(bytes);
    try {
      const { fileId, uploadTimestamp } = await store.put(meta, body, signal);
      journal.finishWholeVolume(this.index, fileId, uploadTimestamp);
    } finally {
      effort?.gone(bytes);
    }
    discard(new Uint8Array(sealed.buffer));
  }
}
