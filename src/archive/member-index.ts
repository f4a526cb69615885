/**
 * The member index of one reading of the source, written line by line while the tar passes, then compressed, sealed and stored like a volume.
 * It holds one part and a few chunks in memory. It is not in the journal: a rerun reads the whole source and makes a new index.
 */
import type { ManifestIndex } from '../catalog/manifest.js';
import { BufferPool } from '../chunks/buffer-pool.js';
import { SizePlan } from '../chunks/size-plan.js';
import { packParts, type FilledPart } from '../chunks/packer.js';
import { codecOf } from '../compression/codec-choice.js';
import { compressStream } from '../compression/compress-stream.js';
import type { Emit } from '../events.js';
import {
  damageLine,
  endLine,
  INDEX_HEAD,
  indexMember,
  memberLine,
  pointLine,
  type RestartPoint,
} from '../members/index-text.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import type { Sealer } from '../sealing/ports.js';
import { VolumeLost, type ObjectMeta, type ObjectStore } from '../store.js';
import type { TarMember } from '../tar/member.js';
import type { TarOutcome } from '../tar/reader.js';
import { HandOff } from './hand-off.js';

/** What a reading of the source tells the index. */
export interface MemberIndex {
  /**
   * Reading can start here. With a volume: that volume begins here and contains the members that follow.
   * Told before the members behind it.
   */
  point(point: RestartPoint): void;
  /** In the order of the tar. Resolves when there is room for more. */
  add(members: readonly TarMember[]): Promise<void>;
  /** The tar has ended: the rest is stored. @returns undefined when there is nothing to index, or the store lost it */
  finish(outcome: TarOutcome, tarBytes: number): Promise<ManifestIndex | undefined>;
  /** This reading failed: cancels what the store has of the index. Never rejects. */
  abandon(): Promise<void>;
}

export interface MemberIndexOptions {
  readonly sealer: Sealer;
  readonly store: ObjectStore;
  readonly meta: ObjectMeta;
  readonly digestKey: Uint8Array;
  readonly emit: Emit;
  /** Ends everything, with its reason. */
  readonly signal: AbortSignal;
}

/** Whatever the archive's codec: gzip is available everywhere, and its chunks take the least memory. */
const CODEC = codecOf({ compPath: '', compExt: '', override: 'gzip:6' });
/** One chunk is compressed while the next is filled. */
const WINDOW = 2;
/** For the chained profile, which tells volumes apart by number. */
const VOLUME = -1;
/** How much text is passed on at a time. */
const SLICE_CHARACTERS = 64 * 1024;

export function openMemberIndex(options: MemberIndexOptions): MemberIndex {
  return new StoredMemberIndex(options);
}

class StoredMemberIndex implements MemberIndex {
  readonly #options: MemberIndexOptions;
  readonly #lines: HandOff<Uint8Array>;
  readonly #stored: Promise<Sent | undefined>;
  #text = `${INDEX_HEAD}\n`;
  #members = 0;
  #volume: RestartPoint | undefined;
  #fileId: string | undefined;

  constructor(options: MemberIndexOptions) {
    this.#options = options;
    this.#lines = new HandOff(options.signal);
    this.#stored = this.#store();
    // `add` and `finish` await it.
    this.#stored.catch(() => undefined);
  }

  point(point: RestartPoint): void {
    if (point.volume !== undefined) this.#volume = point;
    this.#text += pointLine(point);
  }

  async add(members: readonly TarMember[]): Promise<void> {
    for (const member of members) {
      const { volume, tarOffset = 0 } = this.#volume ?? {};
      this.#text += memberLine(indexMember(member, volume, tarOffset));
      this.#members += 1;
      if (this.#text.length >= SLICE_CHARACTERS) await this.#handOn();
    }
  }

  async finish(outcome: TarOutcome, tarBytes: number): Promise<ManifestIndex | undefined> {
    if (outcome.kind === 'damaged') {
      if (this.#members === 0) {
        await this.abandon();
        return undefined;
      }
      this.#text += damageLine(outcome.at, outcome.reason);
    }
    this.#text += endLine(this.#members, tarBytes);
    await this.#handOn();
    this.#lines.end();
    const sent = await this.#stored;
    if (sent === undefined) return undefined;
    const { fileName: name } = this.#options.meta;
    const bytes = sent.parts.reduce((sum, [partBytes]) => sum + partBytes, 0);
    return {
      name,
      fileId: sent.fileId,
      bytes,
      dataBytes: sent.dataBytes,
      members: this.#members,
      parts: sent.parts,
    };
  }

  async abandon(): Promise<void> {
    this.#lines.break();
    await this.#stored.catch(() => undefined);
    await this.#cancel();
  }

  async #cancel(): Promise<void> {
    const fileId = this.#fileId;
    this.#fileId = undefined;
    if (fileId !== undefined) await this.#options.store.cancelLarge(fileId).catch(() => undefined);
  }

  async #handOn(): Promise<void> {
    const text = Buffer.from(this.#text);
    this.#text = '';
    // If the store has failed, its reason comes first.
    await Promise.race([this.#lines.put(text), this.#stored]);
  }

  /** @returns undefined when the store has lost it. The archive is complete without its index, so the source is not read again for it. */
  async #store(): Promise<Sent | undefined> {
    const { sealer, signal, emit, meta } = this.#options;
    const compressed = compressStream(this.#lines, CODEC, {
      compressor: sealer.pool,
      window: WINDOW,
      signal,
    });
    const buffers = new BufferPool(sealer.layout.bufferBytes, 1);
    const plan = new SizePlan({
      splitSize: 0,
      maxParts: Infinity,
      dataBytes: (part) => sealer.layout.dataBytes(part),
    });
    const packed = packParts(compressed, { plan, buffers, dataOffset: sealer.layout.dataOffset });
    const sent: Sent = { fileId: '', dataBytes: 0, parts: [] };
    let secrets: VolumeSecrets | undefined;
    try {
      for await (const filled of packed) {
        secrets ??= await sealer.newVolume();
        await this.#send(filled, secrets, sent, buffers);
      }
      if (this.#fileId !== undefined) {
        await this.#options.store.finishLarge(
          this.#fileId,
          sent.parts.map(([, sha1]) => sha1),
          signal,
        );
        this.#fileId = undefined;
      }
      return sent;
    } catch (error) {
      if (!(error instanceof VolumeLost)) throw error;
      await this.#cancel();
      emit({
        type: 'warning',
        message: `${meta.fileName}: ${error.message}; this archive has no member index`,
      });
      this.#lines.drain();
      return undefined;
    }
  }

  async #send(filled: FilledPart, secrets: VolumeSecrets, sent: Sent, buffers: BufferPool): Promise<void> {
    const { sealer, store, meta, digestKey, signal } = this.#options;
    const { part, last, buffer, dataBytes } = filled;
    const sealed = await sealer.seal({ secrets, volume: VOLUME, part, last, buffer, dataBytes, digestKey });
    const { sha1 } = sealed;
    const body = { bytes: new Uint8Array(sealed.buffer, sealed.offset, sealed.bytes), sha1 };
    if (part === 0 && last) sent.fileId = (await store.put(meta, body, signal)).fileId;
    else {
      this.#fileId ??= await store.startLarge(meta, signal);
      sent.fileId = this.#fileId;
      await store.uploadPart(this.#fileId, part + 1, body, signal);
    }
    sent.parts.push([sealed.bytes, sha1]);
    sent.dataBytes += dataBytes;
    buffers.give(sealed.buffer);
  }
}

interface Sent {
  fileId: string;
  dataBytes: number;
  readonly parts: [bytes: number, sha1: string][];
}
