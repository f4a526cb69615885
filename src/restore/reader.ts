/** How the bytes of an archive are read: the contract of the two readers, one in the worker pool, one as streams. */
import type { Volume } from '../catalog/archive.js';

/** Bytes of the (compressed) tar, in order. */
export interface OpenedPiece {
  readonly volume: Volume;
  /** The consumer's until it asks for the next piece. */
  readonly bytes: Uint8Array;
  /** Whether the volume ends with this piece; it may be empty then. */
  readonly end: boolean;
  /** Only with `keepGoing`: what is missing behind `bytes`. */
  readonly lost?: Lost | undefined;
}

export interface Lost {
  /** Of the data; undefined where nobody knows. */
  readonly bytes: number | undefined;
  /** One line. */
  readonly reason: string;
}

/**
 * Sees sealed bytes before they are opened: `bytes` lie at `from` in the volume. Pieces of one volume may come in any order.
 * What it throws, the reader throws: nothing of these bytes is passed on then.
 */
export type OnSealed = (volume: Volume, from: number, bytes: Uint8Array) => void;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onSealed?: OnSealed | undefined;
  /** Go on behind damage, which comes as `lost` then. */
  readonly keepGoing?: boolean | undefined;
}

export interface ArchiveReader {
  /** @throws Failure `damaged` when a volume does not authenticate; what was yielded of it before is then provisional */
  read(volumes: readonly Volume[], options: ReadOptions): AsyncIterable<OpenedPiece>;
}
