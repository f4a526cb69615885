/** How the bytes of an archive are read: the contract of the two readers, one in the worker pool, one as streams. */
import type { Volume } from '../catalog/archive.js';

/** Bytes of the (compressed) tar, in order. */
export interface OpenedPiece {
  readonly volume: Volume;
  /** The consumer's until it asks for the next piece. */
  readonly bytes: Uint8Array;
  /** Whether the volume ends with this piece; it may be empty then. */
  readonly end: boolean;
}

/** Sees sealed bytes before they are opened: `bytes` lie at `from` in the volume. Pieces of one volume may come in any order. */
export type OnSealed = (volume: Volume, from: number, bytes: Uint8Array) => void;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onSealed?: OnSealed | undefined;
}

export interface ArchiveReader {
  /** @throws Failure `damaged` when a volume does not authenticate; what was yielded of it before is then provisional */
  read(volumes: readonly Volume[], options: ReadOptions): AsyncIterable<OpenedPiece>;
}
