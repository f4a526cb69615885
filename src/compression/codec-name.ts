/** The codecs that `src/compression/codecs.ts` has rows for. */
export type CodecName = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lz4';
