/** The contract of the two readers of an archive's bytes: one in the worker pool, one with streams. */
import type { Volume } from '../catalog/archive.js';

/** Bytes of the (compressed) tar, in order. */
export interface OpenedPiece {
  readonly volume: Volume;
  /** Valid until the consumer asks for the next piece. */
  readonly bytes: Uint8Array;
  /** Whether the volume ends with this piece; it may be empty then. */
  readonly end: boolean;
  /** Only with `keepGoing`: what is missing after `bytes`. */
  readonly lost?: Lost | undefined;
}

export interface Lost {
  /** Of the data; undefined if unknown. */
  readonly bytes: number | undefined;
  /** One line. */
  readonly reason: string;
  /** What was thrown. */
  readonly error: unknown;
}

/**
 * Sees sealed bytes before they are opened: `bytes` lie at `from` in the volume. Pieces of one volume may come in any order.
 * What it throws, the reader throws, without passing these bytes on.
 * @param sha1 of `bytes`, hex, where the reader has it already
 */
export type OnSealed = (volume: Volume, from: number, bytes: Uint8Array, sha1?: string) => void;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onSealed?: OnSealed | undefined;
  /** Continue after damage, reported as `lost`. */
  readonly keepGoing?: boolean | undefined;
}

export interface ArchiveReader {
  /** @throws Failure `damaged` when a volume does not authenticate; what was yielded of it before is then provisional */
  read(volumes: readonly Volume[], options: ReadOptions): AsyncIterable<OpenedPiece>;
}
