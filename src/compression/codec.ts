/** One row of the table of codecs: everything that naming, workers, restore script and tests need to know about a format. */
import type { CodecName } from './codec-name.js';

export interface CodecRow {
  /** As in `--compress NAME[:LEVEL]`, in file info and in the manifest. */
  readonly name: CodecName;
  /** Of the object. The first is the codec's own; the others are accepted from BackupPC's `$compext`. */
  readonly extensions: readonly [string, ...string[]];
  /** Base names of the programs in BackupPC's `$compression` that mean this codec. */
  readonly programs: readonly string[];
  readonly levels: LevelRange | undefined;
  /** Command that decompresses standard input to standard output; undefined if there is nothing to do. */
  readonly decompress: readonly [program: string, ...words: string[]] | undefined;
  readonly method: CodecMethod;
  /** Programs that write the same format with less CPU time than `method`, the best first. They need not be installed. */
  readonly quicker?: readonly QuickerProgram[];
}

export interface QuickerProgram extends ByProgram {
  /** Levels of the codec that it supports. */
  readonly serves: Pick<LevelRange, 'min' | 'max'>;
}

export interface LevelRange {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

export type CodecMethod = Identity | InWorker | ByProgram | ByStream;

/** The tar as it is. */
export interface Identity {
  readonly kind: 'identity';
}

interface Chunked {
  /** Bytes of the tar per chunk. A function of the level alone: the same tar must give the same bytes on a rerun. */
  chunkBytes(level: number): number;
  /** The largest output for `inputBytes`. */
  worstCaseBytes(inputBytes: number): number;
  /**
   * Writes a chunk that is not worth compressing in the format's stored form. @returns bytes written to `output`.
   * Undefined if the format has none, or if `compress` does this itself.
   */
  readonly store: ((chunk: Uint8Array, output: Uint8Array) => number) | undefined;
}

/** Compressed in a worker thread. */
export interface InWorker extends Chunked {
  readonly kind: 'worker';
  /** How much of the chunk before is given as dictionary. */
  readonly dictionaryBytes: number;
  /** @returns bytes written to `output` */
  compress(chunk: Uint8Array, dictionary: Uint8Array, level: number, output: Uint8Array): number;
  /** What precedes and follows the chunks in the stream; undefined if the chunks alone are the stream. */
  readonly envelope: Envelope | undefined;
}

export interface Envelope {
  readonly head: Uint8Array;
  checkOf(chunk: Uint8Array): number;
  /** The checksum of everything up to and including the chunk. */
  joinChecks(before: number, chunk: number, chunkBytes: number): number;
  tail(check: number, totalBytes: number): Uint8Array;
}

/** The whole tar through one process, which uses threads by itself (or needs only one). */
export interface ByStream {
  readonly kind: 'stream';
  readonly program: string;
  /** The output must not depend on `threads`. */
  words(level: number, threads: number): readonly string[];
  /** Memory that it needs for data, before and after compression. */
  memoryBytes(threads: number): number;
}

/** Compressed by one process per chunk: the format allows its streams to be concatenated. */
export interface ByProgram extends Chunked {
  readonly kind: 'program';
  readonly program: string;
  words(level: number): readonly string[];
}
