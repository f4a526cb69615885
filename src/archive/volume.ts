/** One volume on its way: sealed part by part, recorded before it leaves, confirmed, finished. */
import { randomBytes } from 'node:crypto';
import type { BufferPool } from '../chunks/buffer-pool.js';
import type { FilledPart } from '../chunks/packer.js';
import type { Emit } from '../events.js';
import type { Journal } from '../journal/journal.js';
import type { Spool, SpooledPart } from '../journal/spool.js';
import { PROFILE, SESSION_KEY_BYTES } from '../openpgp/profile.js';
import type { VolumeShape } from '../openpgp/layout.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import type { Engine, SealedPart } from '../sealing/engine.js';
import { VolumeLost, type ObjectMeta, type ObjectStore } from '../store.js';
import { comparePart, compareSkipped } from '../journal/resume.js';
import { volumeTotals, type VolumeState } from '../journal/state.js';
import { BeginAgain } from './begin-again.js';

/** What an earlier run left of a volume, and what is to be done about it. */
export type VolumeFate =
  | { readonly kind: 'fresh' }
  /** Seal with the same secrets; parts in `held` are in the store already, others are sent. */
  | { readonly kind: 'continue'; readonly secrets: VolumeSecrets; readonly held: ReadonlySet<number> }
  /** It is finished: only compare the data. */
  | { readonly kind: 'skip' };

export interface VolumeParts {
  readonly store: ObjectStore;
  readonly engine: Engine;
  readonly journal: Journal;
  readonly buffers: BufferPool;
  readonly digestKey: Uint8Array;
  readonly emit: Emit;
  /** Monotonic ms. */
  readonly monotonic: () => number;
  readonly signal: AbortSignal;
  readonly meta: (volume: number) => ObjectMeta;
  readonly newSecrets: () => Promise<VolumeSecrets>;
  /** Where sealed parts may wait on disk, and the buffers to send them from: others than the source fills, or it would stand still. */
  readonly spool: { readonly spool: Spool; readonly buffers: BufferPool } | undefined;
  /** Bytes that were found in the store and not sent. */
  readonly onSkipped: (bytes: number) => void;
}

export class VolumeUpload {
  readonly index: number;
  readonly #fate: VolumeFate;
  readonly #parts: VolumeParts;
  readonly #meta: ObjectMeta;
  readonly #startedAt: number;
  #secrets: Promise<VolumeSecrets> | undefined;
  /** Resolves with the fileId (undefined for a plain file) once the volume is in the journal. */
  #begun: Promise<string | undefined> | undefined;
  #storedAs: string | undefined;

  constructor(index: number, fate: VolumeFate, parts: VolumeParts) {
    this.index = index;
    this.#fate = fate;
    this.#parts = parts;
    this.#meta = parts.meta(index);
    this.#startedAt = parts.monotonic();
  }

  /**
   * Resolves when the store has the part; the buffer is back in the pool by then, however this ends.
   * Parts must be given in order; they may be under way together.
   * @throws BeginAgain when the part differs from what an earlier run recorded, or the store lost the volume
   */
  async accept(filled: FilledPart): Promise<void> {
    const { engine, buffers, digestKey } = this.#parts;
    const { part, last, buffer, dataBytes } = filled;
    this.#secrets ??= this.#chooseSecrets();
    this.#begun ??= this.#begin(last);
    // It is waited for below; until then a failure must not count as unhandled.
    this.#begun.catch(() => undefined);
    let held: ArrayBuffer | undefined = buffer;
    try {
      const secrets = await this.#secrets;
      held = undefined;
      const sealed = await engine.seal({
        secrets,
        volume: this.index,
        part,
        last,
        buffer,
        dataBytes,
        digestKey,
      });
      held = sealed.buffer;
      const fileId = await this.#begun;
      const spooled = await this.#deliver(filled, sealed, fileId);
      if (spooled === undefined || fileId === undefined) return;
      // It waits on disk: its buffer is free for the source.
      buffers.give(held);
      held = undefined;
      await this.#sendSpooled(spooled, fileId);
    } finally {
      if (held !== undefined) buffers.give(held);
    }
  }

  /** All parts were accepted: make the object whole. */
  async finish(): Promise<void> {
    const { store, journal, emit, monotonic, signal } = this.#parts;
    const fileId = await this.#begun;
    const state = this.#state();
    if (state === undefined) throw new Error(`volume ${this.index} is finished before it began`);
    const { bytes } = volumeTotals(state);
    if (this.#fate.kind !== 'skip') {
      if (fileId === undefined) {
        await journal.finishVolume(this.index, this.#storedAs ?? '');
      } else {
        await this.#orBeginAgain(
          store.finishLarge(
            fileId,
            Array.from(state.parts.values(), ({ sha1 }) => sha1),
            signal,
          ),
        );
        await journal.finishVolume(this.index, fileId);
      }
    }
    const seconds = (monotonic() - this.#startedAt) / 1000;
    const skipped = this.#fate.kind === 'skip';
    emit({
      type: 'volume-finished',
      volume: this.index,
      name: this.#meta.fileName,
      bytes,
      parts: state.parts.size,
      seconds,
      skipped,
    });
  }

  #state(): VolumeState | undefined {
    return this.#parts.journal.state.volumes.get(this.index);
  }

  async #chooseSecrets(): Promise<VolumeSecrets> {
    switch (this.#fate.kind) {
      case 'continue':
        return this.#fate.secrets;
      case 'fresh':
        return this.#parts.newSecrets();
      case 'skip':
        // Only the digest of the data is wanted; what is sealed with these goes nowhere.
        return nowhereSecrets(this.#parts.engine.layout.shape);
    }
  }

  async #begin(plain: boolean): Promise<string | undefined> {
    const { store, journal, emit, signal } = this.#parts;
    if (this.#fate.kind !== 'fresh') {
      const state = this.#state();
      if (state === undefined || state.plain !== plain)
        throw this.#changed(plain ? 'it is shorter' : 'it is longer');
      return state.plain ? undefined : (state.fileId ?? undefined);
    }
    emit({ type: 'volume-started', volume: this.index, name: this.#meta.fileName });
    journal.expectTraces();
    const [fileId, secrets] = await Promise.all([
      plain ? undefined : store.startLarge(this.#meta, signal),
      this.#secrets,
    ]);
    if (secrets === undefined) throw new Error('a volume begins without secrets');
    await journal.startVolume(this.index, this.#meta.fileName, fileId ?? null, secrets);
    return fileId;
  }

  /** @returns the part if it went to the spool, and is still to be sent */
  async #deliver(
    { part, last, dataBytes }: FilledPart,
    sealed: SealedPart,
    fileId: string | undefined,
  ): Promise<SpooledPart | undefined> {
    const { store, journal, signal, onSkipped, spool } = this.#parts;
    const { bytes, sha1, digest } = sealed;
    const state = this.#state();
    if (state === undefined) throw new Error(`volume ${this.index} delivers a part before it began`);
    if (this.#fate.kind === 'skip') {
      const difference = compareSkipped(state, { part, dataBytes, digest, last });
      if (difference !== undefined) throw this.#changed(difference);
      onSkipped(state.parts.get(part)?.bytes ?? 0);
      return undefined;
    }
    const verdict = comparePart(state, { part, bytes, sha1, last });
    // Other data under the same key and nonce: it must not leave this machine.
    if (verdict.kind === 'changed') throw this.#changed(verdict.reason);
    if (verdict.kind === 'new') {
      await journal.partLeaves({ volume: this.index, part, bytes, sha1, dataBytes, digest, last });
    } else if (this.#fate.kind === 'continue' && this.#fate.held.has(part)) {
      onSkipped(bytes);
      return undefined;
    }
    const body = { bytes: new Uint8Array(sealed.buffer, sealed.offset, bytes), sha1 };
    const waiting = { volume: this.index, part, bytes, sha1 };
    if (
      spool !== undefined &&
      fileId !== undefined &&
      (await spool.spool.put(waiting, body.bytes)) === 'stored'
    )
      return waiting;
    if (fileId === undefined) this.#storedAs = (await store.put(this.#meta, body, signal)).fileId;
    else await this.#orBeginAgain(store.uploadPart(fileId, part + 1, body, signal));
    journal.partSent(this.index, part);
    return undefined;
  }

  async #sendSpooled(waiting: SpooledPart, fileId: string): Promise<void> {
    const { store, journal, signal, spool } = this.#parts;
    if (spool === undefined) throw new Error('a part waits in a spool that is not there');
    const buffer = await spool.buffers.take();
    try {
      const bytes = await spool.spool.read(waiting, new Uint8Array(buffer));
      await this.#orBeginAgain(
        store.uploadPart(fileId, waiting.part + 1, { bytes, sha1: waiting.sha1 }, signal),
      );
      journal.partSent(this.index, waiting.part);
      await spool.spool.drop(waiting);
    } finally {
      spool.buffers.give(buffer);
    }
  }

  #changed(difference: string): BeginAgain {
    return new BeginAgain(
      `the source gave other data than before in volume ${this.index + 1}: ${difference}`,
      this.index,
      true,
    );
  }

  async #orBeginAgain<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof VolumeLost)
        throw new BeginAgain(`volume ${this.index + 1}: ${error.message}`, this.index, false);
      throw error;
    }
  }
}

/** Random secrets of the right shape, for sealing that only serves to compare. */
function nowhereSecrets({ profile, aead }: VolumeShape): VolumeSecrets {
  const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
  return {
    profile,
    aead,
    sessionKey: random(SESSION_KEY_BYTES),
    salt: random(PROFILE[profile].saltBytes),
    keyPackets: new Uint8Array(0),
  };
}
