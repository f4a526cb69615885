/** What is worth measuring on a machine of so many cores. Pure. */
import { PROFILES, type OpenPgpProfile } from '../openpgp/profile.js';
import type { CompressionCase, SealingCase } from './figures.js';

/** The levels that differ enough to choose between. */
export const DEFAULT_CODECS = [
  'gzip:1',
  'gzip:6',
  'gzip:9',
  'zstd:1',
  'zstd:3',
  'zstd:9',
  'lz4:1',
  'bzip2:9',
  'xz:6',
] as const;

/** 1 to 4, then doubling, and all: enough to show how it scales, even on 64 cores within minutes. */
export function workerCounts(cores: number): number[] {
  const counts = [1, 2, 3, 4].filter((count) => count < cores);
  for (let count = 8; count < cores; count *= 2) counts.push(count);
  return [...counts, cores];
}

export function sealingCases(cores: number, profiles: readonly OpenPgpProfile[] = PROFILES): SealingCase[] {
  return profiles.flatMap((profile) =>
    (profile === 'rfc9580' ? (['ocb', 'gcm'] as const) : (['ocb'] as const)).flatMap((aead) =>
      workerCounts(cores).map((workers) => ({ kind: 'sealing', profile, aead, workers }) as const),
    ),
  );
}

/** All workers first: if a codec is slow even then, the other cases are skipped. */
export function compressionCases(cores: number, codecs: readonly string[]): CompressionCase[] {
  return codecs.flatMap((codec) =>
    workerCounts(cores)
      .reverse()
      .map((workers) => ({ kind: 'compression', codec, workers }) as const),
  );
}

/** Whether a case took so long that fewer workers are not worth trying. */
export function isTooSlow(tookSeconds: number, secondsPerCase: number): boolean {
  return tookSeconds > 4 * secondsPerCase + 2;
}
