/**
 * Cuts volumes by content: what has not changed is cut where it was cut before. Pure; the cuts depend on the stream alone, not on how it is sliced.
 *
 * - A volume begins with the first header block of a tar member, so it is a tar in its own right. A keyed hash of the path decides which members
 *   begin one: the larger the member or its predecessor is, relative to the target, the more likely. A member that would make a volume longer
 *   than the maximum begins one; none begins before the minimum is reached.
 * - A member longer than the maximum gets volumes of its own, cut by its content.
 * - What is not a tar, or no longer is one, is cut by content throughout.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import type { Cut, CutPlan } from '../chunks/cut-plan.js';
import { BLOCK_BYTES } from '../tar/header.js';
import type { TarMember } from '../tar/member.js';
import type { TarWatch } from '../tar/watch.js';
import { ContentCutter, type PieceSizes } from './content-cutter.js';

/** The headers before the first piece of a long member may add this much to it; so may headers that still await a decision. */
const HEADER_ROOM_BYTES = 64 * 1024;

/** The upper bound on a volume's length. */
export function longestVolumeBytes(sizes: Pick<PieceSizes, 'max'>): number {
  return sizes.max + HEADER_ROOM_BYTES;
}

/** The shortest volume of whole members, as a fraction of the target. */
const SHORTEST_OF_MEMBERS = 1 / 8;

/**
 * The probability that a volume begins between two members. Files change one at a time, so each change costs the whole volume that the file is
 * in. For a given number of volumes the total cost is lowest if their lengths grow with the square root of their members' lengths: small files
 * are in small volumes, and a large file shares its volume with few others. Measured in bench/README.md.
 * @param bytes the larger of the two, with headers
 */
function chanceOfCut(bytes: number, targetBytes: number): number {
  return Math.sqrt(bytes / targetBytes);
}

export class ContentPlan implements CutPlan {
  readonly #sizes: PieceSizes;
  readonly #pathKey: Uint8Array;
  readonly #cutter: ContentCutter;
  readonly #tar: TarWatch;
  #cuts: Cut[] = [];
  /** Offset in the stream at which the current volume begins. */
  #volumeStart = 0;
  /** Bytes of the previous member. */
  #before = 0;
  /** What is being cut by content: it ends at `to`, and has been judged up to `judged`. */
  #content: { readonly to: number; judged: number } | undefined;

  /**
   * @param key secret, and the same from archive to archive
   * @param tar has already seen each slice that arrives here
   */
  constructor(key: Uint8Array, sizes: PieceSizes, tar: TarWatch) {
    this.#tar = tar;
    this.#sizes = sizes;
    this.#pathKey = new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), 'backuppc-b2 path', 32));
    this.#cutter = new ContentCutter(key, sizes);
  }

  cuts(slice: Uint8Array): readonly Cut[] {
    this.#cuts = [];
    const { reader, members } = this.#tar;
    const start = reader.bytes - slice.length;
    this.#judgeContent(slice, start);
    for (const member of members) {
      this.#begin(member);
      this.#judgeContent(slice, start);
    }
    const { state } = reader;
    if (state.kind === 'damaged' && this.#content === undefined) {
      this.#force(state.at);
      this.#cut(state.at);
      // The block that is not a header may have arrived in two slices: the cutter only sees what follows it.
      this.#cutByContent(state.at + BLOCK_BYTES, Infinity);
      this.#judgeContent(slice, start);
    }
    if (this.#content === undefined) this.#force(reader.bytes);
    return this.#cuts;
  }

  #begin({ offset, headerBytes, end, path }: TarMember): void {
    const bytes = end - offset;
    this.#force(offset + headerBytes);
    if (bytes > this.#sizes.max) {
      this.#cut(offset);
      if (headerBytes > HEADER_ROOM_BYTES) this.#cut(offset + headerBytes);
      this.#cutByContent(offset + headerBytes, end);
    } else if (end - this.#volumeStart > this.#sizes.max) {
      this.#cut(offset);
    } else if (offset - this.#volumeStart >= this.#sizes.target * SHORTEST_OF_MEMBERS) {
      const chance = chanceOfCut(Math.max(bytes, this.#before), this.#sizes.target);
      if (this.#fraction(path) < chance) this.#cut(offset);
    }
    this.#before = bytes;
  }

  /** Maps the path to a number from 0 to 1, evenly distributed and unpredictable without the key. */
  #fraction(path: Uint8Array): number {
    return createHmac('sha256', this.#pathKey).update(path).digest().readUIntBE(0, 6) / 2 ** 48;
  }

  #cutByContent(from: number, to: number): void {
    this.#cutter.begin();
    this.#content = { to, judged: from };
  }

  #judgeContent(slice: Uint8Array, start: number): void {
    const content = this.#content;
    if (content === undefined) return;
    const end = Math.min(start + slice.length, content.to);
    while (content.judged < end) {
      const cut = this.#cutter.next(slice.subarray(content.judged - start, end - start));
      content.judged = cut === undefined ? end : content.judged + cut;
      if (cut !== undefined) this.#cut(content.judged);
    }
    if (content.judged < content.to) return;
    this.#cut(content.to);
    this.#content = undefined;
  }

  /** Where nothing else cuts (in endless headers, in the zeros after the tar), a volume still ends at the maximum. */
  #force(upTo: number): void {
    while (upTo - this.#volumeStart > longestVolumeBytes(this.#sizes))
      this.#cut(this.#volumeStart + this.#sizes.max);
  }

  #cut(at: number): void {
    if (at <= this.#volumeStart) return;
    this.#cuts.push({ at, ends: 'volume' });
    this.#volumeStart = at;
  }
}
