/** A volume on its way as a B2 large file: sealed part by part, recorded before it leaves, confirmed, finished. */
import { randomBytes } from 'node:crypto';
import type { BufferPool } from '../chunks/buffer-pool.js';
import type { FilledPart } from '../chunks/packer.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { Spool, SpooledPart } from '../journal/spool.js';
import { PROFILE, SESSION_KEY_BYTES } from '../openpgp/profile.js';
import type { VolumeShape } from '../openpgp/layout.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import type { Sealer, SealedPart } from '../sealing/ports.js';
import { VolumeLost, type ObjectMeta, type ObjectStore } from '../store.js';
import { comparePart, compareSkipped } from '../journal/changed-source.js';
import { volumeTotals, type VolumeState } from '../journal/state.js';
import type { RunCounters } from './counters.js';
import type { ReadAgain } from './interruption.js';
import type { VolumeUnderWay } from './layout.js';

/** What to do with a volume that an earlier run left. */
export type VolumeFate =
  | { readonly kind: 'fresh' }
  /** Seal with the same secrets; parts in `held` are in the store already, others are sent. */
  | { readonly kind: 'continue'; readonly secrets: VolumeSecrets; readonly held: ReadonlySet<number> }
  /** It is finished: only compare its data. */
  | { readonly kind: 'skip' };

export interface LargeVolumeTools {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly journal: Journal;
  readonly buffers: BufferPool;
  readonly counters: RunCounters;
  readonly emit: Emit;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly signal: AbortSignal;
  readonly newSecrets: () => Promise<VolumeSecrets>;
  /** Where sealed parts may wait on disk, and the buffers to send them from. These are separate from the source's, which would otherwise stall. */
  readonly spool: { readonly spool: Spool; readonly buffers: BufferPool } | undefined;
}

export interface LargeVolumeFacts {
  readonly index: number;
  readonly fate: VolumeFate;
  readonly meta: ObjectMeta;
  readonly digestKey: Uint8Array;
}

/** The volume is in the journal; `fileId` is undefined for a plain file. */
interface Begun {
  readonly kind: 'begun';
  readonly fileId: string | undefined;
}

export class LargeVolume implements VolumeUnderWay {
  readonly index: number;
  readonly #tools: LargeVolumeTools;
  readonly #facts: LargeVolumeFacts;
  readonly #startedAt: number;
  #secrets: Promise<VolumeSecrets> | undefined;
  #begun: Promise<Begun | ReadAgain> | undefined;
  #storedAs: string | undefined;

  constructor(tools: LargeVolumeTools, facts: LargeVolumeFacts) {
    this.index = facts.index;
    this.#tools = tools;
    this.#facts = facts;
    this.#startedAt = tools.monotonic();
  }

  async accept(filled: FilledPart): Promise<ReadAgain | undefined> {
    const { sealer, buffers } = this.#tools;
    const { part, last, buffer, dataBytes } = filled;
    this.#secrets ??= this.#chooseSecrets();
    this.#begun ??= this.#begin(last);
    // It is awaited below; until then a rejection must not count as unhandled.
    this.#begun.catch(() => undefined);
    let held: ArrayBuffer | undefined = buffer;
    try {
      const secrets = await this.#secrets;
      held = undefined;
      const { digestKey } = this.#facts;
      const request = { secrets, volume: this.index, part, last, buffer, dataBytes, digestKey };
      const sealed = await sealer.seal(request);
      held = sealed.buffer;
      const begun = await this.#begun;
      if (begun.kind !== 'begun') return begun;
      const { fileId } = begun;
      const delivered = await this.#deliver(filled, sealed, fileId);
      if (delivered.kind === 'read-again') return delivered;
      if (delivered.kind === 'stored' || fileId === undefined) return undefined;
      // It waits on disk: its buffer is free for the source.
      buffers.give(held);
      held = undefined;
      return await this.#sendSpooled(delivered.part, fileId);
    } finally {
      if (held !== undefined) buffers.give(held);
    }
  }

  async finish(): Promise<ReadAgain | undefined> {
    const { store, journal, emit, monotonic, signal } = this.#tools;
    const begun = await this.#begun;
    const state = this.#state();
    if (state === undefined || begun === undefined)
      throw new Error(`volume ${this.index} is finished before it began`);
    if (begun.kind !== 'begun') return begun;
    const { fileId } = begun;
    const { bytes } = volumeTotals(state);
    if (this.#facts.fate.kind !== 'skip') {
      if (fileId === undefined) {
        await journal.finishVolume(this.index, this.#storedAs ?? '');
      } else {
        const sha1s = Array.from(state.parts.values(), ({ sha1 }) => sha1);
        const lost = await this.#orLost(store.finishLarge(fileId, sha1s, signal));
        if (lost !== undefined) return lost;
        await journal.finishVolume(this.index, fileId);
      }
    }
    const seconds = (monotonic() - this.#startedAt) / 1000;
    const skipped = this.#facts.fate.kind === 'skip';
    emit({
      type: 'volume-finished',
      volume: this.index,
      name: this.#facts.meta.fileName,
      bytes,
      parts: state.parts.size,
      seconds,
      skipped,
    });
    return undefined;
  }

  #state(): VolumeState | undefined {
    return this.#tools.journal.state.volumes.get(this.index);
  }

  async #chooseSecrets(): Promise<VolumeSecrets> {
    const { fate } = this.#facts;
    switch (fate.kind) {
      case 'continue':
        return fate.secrets;
      case 'fresh':
        return this.#tools.newSecrets();
      case 'skip':
        // Only the digest of the data is needed; what is sealed with these secrets is never sent.
        return throwawaySecrets(this.#tools.sealer.layout.shape);
    }
  }

  async #begin(plain: boolean): Promise<Begun | ReadAgain> {
    const { store, journal, emit, signal } = this.#tools;
    const { fate, meta } = this.#facts;
    if (fate.kind !== 'fresh') {
      const state = this.#state();
      if (state === undefined || state.plain !== plain)
        return this.#changed(plain ? 'it is shorter' : 'it is longer');
      return { kind: 'begun', fileId: state.plain ? undefined : (state.fileId ?? undefined) };
    }
    emit({ type: 'volume-started', volume: this.index, name: meta.fileName });
    journal.expectTraces();
    const [fileId, secrets] = await Promise.all([
      plain ? undefined : store.startLarge(meta, signal),
      this.#secrets,
    ]);
    if (secrets === undefined) throw new Error('a volume begins without secrets');
    await journal.startVolume(this.index, meta.fileName, fileId ?? null, secrets);
    return { kind: 'begun', fileId };
  }

  async #deliver(
    { part, last, dataBytes }: FilledPart,
    sealed: SealedPart,
    fileId: string | undefined,
  ): Promise<
    { readonly kind: 'stored' } | { readonly kind: 'spooled'; readonly part: SpooledPart } | ReadAgain
  > {
    const { store, journal, counters, signal, spool } = this.#tools;
    const { fate, meta } = this.#facts;
    const { bytes, sha1, digest } = sealed;
    const state = this.#state();
    if (state === undefined) throw new Error(`volume ${this.index} delivers a part before it began`);
    if (fate.kind === 'skip') {
      const difference = compareSkipped(state, { part, dataBytes, digest, last });
      if (difference !== undefined) return this.#changed(difference);
      counters.skipped += state.parts.get(part)?.bytes ?? 0;
      return { kind: 'stored' };
    }
    const verdict = comparePart(state, { part, bytes, sha1, last });
    // Other data under the same key and nonce: it must not leave this machine.
    if (verdict.kind === 'changed') return this.#changed(verdict.reason);
    if (verdict.kind === 'new') {
      await journal.partLeaves({ volume: this.index, part, bytes, sha1, dataBytes, digest, last });
    } else if (fate.kind === 'continue' && fate.held.has(part)) {
      counters.skipped += bytes;
      return { kind: 'stored' };
    }
    const body = { bytes: new Uint8Array(sealed.buffer, sealed.offset, bytes), sha1 };
    const waiting = { volume: this.index, part, bytes, sha1 };
    if (
      spool !== undefined &&
      fileId !== undefined &&
      (await spool.spool.put(waiting, body.bytes)) === 'stored'
    )
      return { kind: 'spooled', part: waiting };
    if (fileId === undefined) this.#storedAs = (await store.put(meta, body, signal)).fileId;
    else {
      const lost = await this.#orLost(store.uploadPart(fileId, part + 1, body, signal));
      if (lost !== undefined) return lost;
    }
    return { kind: 'stored' };
  }

  async #sendSpooled(waiting: SpooledPart, fileId: string): Promise<ReadAgain | undefined> {
    const { store, signal, spool } = this.#tools;
    if (spool === undefined) throw new Error('a part waits in a spool that is not there');
    const buffer = await spool.buffers.take();
    try {
      const bytes = await spool.spool.read(waiting, new Uint8Array(buffer));
      const lost = await this.#orLost(
        store.uploadPart(fileId, waiting.part + 1, { bytes, sha1: waiting.sha1 }, signal),
      );
      if (lost !== undefined) return lost;
      await spool.spool.drop(waiting);
      return undefined;
    } finally {
      spool.buffers.give(buffer);
    }
  }

  #changed(difference: string): ReadAgain {
    const reason = `the source gave other data than before in volume ${this.index + 1}: ${difference}`;
    return { kind: 'read-again', reason, volume: this.index, changed: true };
  }

  async #orLost(work: Promise<unknown>): Promise<ReadAgain | undefined> {
    try {
      await work;
      return undefined;
    } catch (error) {
      if (!(error instanceof VolumeLost)) throw error;
      const reason = `volume ${this.index + 1}: ${error.message}`;
      return { kind: 'read-again', reason, volume: this.index, changed: false };
    }
  }
}

/** Random secrets of the right shape, for sealing that only serves comparison. */
function throwawaySecrets({ profile, aead }: VolumeShape): VolumeSecrets {
  const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
  return {
    profile,
    aead,
    sessionKey: random(SESSION_KEY_BYTES),
    salt: random(PROFILE[profile].saltBytes),
    keyPackets: new Uint8Array(0),
  };
}
