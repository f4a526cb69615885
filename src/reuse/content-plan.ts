/**
 * Volumes cut by content: what has not changed is cut as it was before. Pure, and the cuts depend on the stream alone, not on how it arrives.
 *
 * - A volume begins with the first header block of a tar member, so it is a tar by itself. Which members begin one is decided by a keyed hash of
 *   the path: the larger the member, or the one before it, beside the target, the likelier. A member that would make a volume longer than the
 *   maximum begins one; none is begun below the minimum.
 * - A member longer than the maximum has volumes of its own, cut by its content.
 * - What is no tar, or none any more, is cut by content all through.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import type { Cut, CutPlan } from '../chunks/cut-plan.js';
import { BLOCK_BYTES } from '../tar/header.js';
import type { TarMember } from '../tar/member.js';
import type { TarWatch } from '../tar/watch.js';
import { ContentCutter, type PieceSizes } from './content-cutter.js';

/** Headers that precede the first piece of a long member may add so much to it; so may those that wait for a decision. */
const HEADER_ROOM_BYTES = 64 * 1024;

/** The most that a volume may have. */
export function longestVolumeBytes(sizes: Pick<PieceSizes, 'max'>): number {
  return sizes.max + HEADER_ROOM_BYTES;
}

/** The shortest volume of whole members, beside the target. */
const SHORTEST_OF_MEMBERS = 1 / 8;

/**
 * The chance that a volume begins between two members. Members change by the file, so a volume costs its length for each member in it. For a
 * given number of volumes that sums up to the least where their lengths grow with the square root of their members' lengths: little files are
 * in little volumes, and a large one has few beside it. Measured in bench/README.md.
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
  /** Offset in the stream where the volume that is being filled begins. */
  #volumeStart = 0;
  /** Bytes of the member before. */
  #before = 0;
  /** What is cut by content just now: up to `to`, judged up to `judged`. */
  #content: { readonly to: number; judged: number } | undefined;

  /**
   * @param key secret, and the same from archive to archive
   * @param tar has been shown each slice when it comes here
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
      // The block that is no header may have arrived in two slices: the cutter sees what is behind it.
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

  /** Of the path, from 0 to 1, evenly spread and known to nobody without the key. */
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

  /** Where nothing else cuts (in headers without end, in zeros behind the tar) a volume still ends at the maximum. */
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
