/**
 * Salvages a tar with gaps as a valid tar: complete members pass unchanged; one that a gap cuts is padded with zeros to its length and
 * reported; after a gap the next header is searched for. Pure.
 *
 * A gap of known length within one member leaves everything after it in place. Otherwise the next member is found by its header's magic and
 * checksum; inside a lost member that was itself a tar, that may be one of its members.
 */
import { isZero, readHeader, BLOCK_BYTES } from '../tar/header.js';
import type { TarMember } from '../tar/member.js';
import { TarReader } from '../tar/reader.js';

/** A member that was cut: from `from` on, `bytes` of its data are zeros. */
export interface CutMember {
  readonly path: Uint8Array;
  readonly type: string;
  readonly dataBytes: number;
  readonly from: number;
}

const MAGIC = Buffer.from('ustar');
const MAGIC_AT = 257;
const ZEROS = new Uint8Array(64 * 1024);

export class TarSalvage {
  /** In the order of the tar. */
  readonly cut: CutMember[] = [];
  /** Gaps in which members of unknown names may be missing. */
  unnamed = 0;
  members = 0;
  #reader = new TarReader();
  /** Bytes that the reader has seen but the output has not: headers whose member is not known yet. */
  #held = Buffer.alloc(0);
  #current: TarMember | undefined;
  /** While searching for a header: bytes that may be part of one. */
  #looking: Buffer | undefined;
  /** A gap after the end mark: nothing that follows matters. */
  #over = false;

  /** @returns what may be passed on; slices of `bytes`, or memory of its own */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    if (this.#over) return;
    if (this.#looking !== undefined) {
      yield* this.#look(bytes);
      return;
    }
    for (const member of this.#reader.push(bytes)) {
      this.members += 1;
      this.#current = member;
    }
    const { state } = this.#reader;
    const joined = this.#held.length === 0 ? asBuffer(bytes) : Buffer.concat([this.#held, bytes]);
    const start = this.#reader.bytes - joined.length;
    if (state.kind !== 'damaged') {
      const settled = Math.max(0, this.#reader.settled - start);
      if (settled > 0) yield joined.subarray(0, settled);
      this.#held = Buffer.from(joined.subarray(settled));
      return;
    }
    // This should be a header but is not. Everything before it is complete.
    const at = Math.max(0, state.at - start);
    yield joined.subarray(0, at);
    this.unnamed += 1;
    this.#startLooking();
    yield* this.#look(joined.subarray(at + 1));
  }

  /** @param missing how many bytes; undefined if unknown */
  *gap(missing: number | undefined): Generator<Uint8Array> {
    if (missing === 0 || this.#over) return;
    if (this.#looking !== undefined) {
      this.#looking = Buffer.alloc(0);
      return;
    }
    if (this.#reader.state.kind === 'ended') {
      this.#over = true;
      return;
    }
    const at = this.#reader.bytes;
    const member = this.#current;
    if (member === undefined || at >= member.end || this.#held.length > 0) {
      this.unnamed += 1;
      this.#startLooking();
      return;
    }
    const dataEnd = member.offset + member.headerBytes + member.dataBytes;
    if (at < dataEnd) this.#name(member, at);
    const left = member.end - at;
    const inside = missing !== undefined && missing <= left;
    yield* this.#fill(inside ? missing : left);
    if (inside) return;
    this.unnamed += 1;
    this.#startLooking();
  }

  /** Ends the tar, whatever is missing of it. */
  *end(): Generator<Uint8Array> {
    if (this.#over) {
      yield ZEROS.subarray(0, 3 * BLOCK_BYTES - (this.#reader.bytes % BLOCK_BYTES));
      return;
    }
    const { outcome } = this.#reader;
    if (this.#looking === undefined && outcome.kind === 'whole') {
      yield this.#held;
      return;
    }
    const member = this.#current;
    const at = this.#reader.bytes;
    if (this.#looking === undefined) {
      this.unnamed += 1;
      if (member !== undefined && at < member.end && this.#held.length === 0) {
        if (at < member.offset + member.headerBytes + member.dataBytes) this.#name(member, at);
        yield* this.#fill(member.end - at);
      }
    }
    yield ZEROS.subarray(0, 2 * BLOCK_BYTES);
  }

  #name({ path, type, dataBytes, offset, headerBytes }: TarMember, at: number): void {
    const from = at - offset - headerBytes;
    const before = this.cut.at(-1);
    if (before?.path === path) return;
    this.cut.push({ path, type, dataBytes, from });
  }

  *#fill(bytes: number): Generator<Uint8Array> {
    for (let left = bytes; left > 0; left -= ZEROS.length) {
      const zeros = ZEROS.subarray(0, Math.min(left, ZEROS.length));
      this.#reader.push(zeros);
      yield zeros;
    }
  }

  #startLooking(): void {
    this.#held = Buffer.alloc(0);
    this.#current = undefined;
    this.#looking = Buffer.alloc(0);
  }

  *#look(bytes: Uint8Array): Generator<Uint8Array> {
    const joined = Buffer.concat([this.#looking ?? Buffer.alloc(0), bytes]);
    let from = 0;
    for (;;) {
      const magic = joined.indexOf(MAGIC, from + MAGIC_AT);
      if (magic === -1) break;
      const at = magic - MAGIC_AT;
      if (at + BLOCK_BYTES > joined.length) break;
      if (isHeader(joined.subarray(at, at + BLOCK_BYTES))) {
        this.#looking = undefined;
        this.#reader = new TarReader();
        yield* this.push(joined.subarray(at));
        return;
      }
      from = at + 1;
    }
    this.#looking = Buffer.from(joined.subarray(Math.max(0, joined.length - BLOCK_BYTES + 1)));
  }
}

function isHeader(block: Uint8Array): boolean {
  return !isZero(block) && readHeader(block) !== undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
