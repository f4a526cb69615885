/**
 * How an archive is laid out in volumes: where the tar is cut, and what happens to each volume. One object serves one reading of the
 * source.
 *
 * | | `SizedLayout` | `ContentLayout` |
 * |---|---|---|
 * | the stream | compressed, then cut | cut, then compressed, where it is not known |
 * | a volume | of a given size, in parts, a B2 large file | cut by content, in one piece, a small B2 file or a copy of one |
 */
import type { FilledPart } from '../chunks/packer.js';
import type { TarWatch } from '../tar/watch.js';
import type { Interruption } from './interruption.js';
import type { MemberIndex } from './member-index.js';

/** The stream of a tar, with what is known about it so far. */
export interface ObservedTar {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Has seen each slice of `bytes` before it is yielded. */
  readonly watch: TarWatch;
  /** Told of members, and of the places where they can be read from; undefined where the archive gets no index. */
  readonly index: MemberIndex | undefined;
}

export interface Layout {
  /** Cuts the tar. Pulled: the tar is read only while there is memory for it. */
  pack(tar: ObservedTar): AsyncIterable<FilledPart>;
  begin(volume: number): VolumeUnderWay;
  /** Wakes whoever waits for memory: the reading has ended. */
  breakOff(reason: Error): void;
  /** The reading is over, however it ended, and nothing of it is under way. */
  close(): void;
}

export interface VolumeUnderWay {
  /** 0-based. */
  readonly index: number;
  /**
   * Resolves when the store has the part, or does not need it. However this ends, the buffer is back in its pool by then.
   * Parts must be given in order; they may be under way together.
   */
  accept(part: FilledPart): Promise<Interruption | undefined>;
  /** All parts were accepted: make the object whole. */
  finish(): Promise<Interruption | undefined>;
}
