/** Reads volumes as streams, one after the other, whatever program wrote them, in the memory of a few ranges. */
import type { Volume } from '../catalog/archive.js';
import type { ManifestVolume } from '../catalog/manifest.js';
import type { ObjectStore } from '../store.js';
import { lossOf } from './loss.js';
import type { ByteRange } from './fetch-range.js';
import { evenRanges, orderedRanges } from './ranges.js';
import type { ArchiveReader, OnSealed } from './reader.js';

/** Sealed bytes of one volume, in order → the bytes inside. @throws Failure `damaged` when they do not authenticate */
export type OpenVolume = (
  sealed: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
) => AsyncIterable<Uint8Array>;

export interface StreamReaderOptions {
  readonly openVolume: OpenVolume;
  /** Ranges in flight and their size; together the memory used. */
  readonly parallel: number;
  readonly rangeBytes: number;
  /** By fileId, if there is a manifest. Parts that fit into memory are downloaded whole, to be checked before they are opened. */
  readonly known?: ReadonlyMap<string, Pick<ManifestVolume, 'parts' | 'dataBytes'>> | undefined;
}

export function streamReader(
  store: Pick<ObjectStore, 'download'>,
  options: StreamReaderOptions,
): ArchiveReader {
  return {
    async *read(volumes, { signal, onSealed, keepGoing }) {
      for (const volume of volumes) {
        let dataBytes = 0;
        try {
          const sealed = storedBytes(store, volume, options, onSealed, signal);
          for await (const bytes of volume.encrypted ? options.openVolume(sealed, signal) : sealed) {
            signal?.throwIfAborted();
            yield { volume, bytes, end: false };
            dataBytes += bytes.length;
          }
          yield { volume, bytes: new Uint8Array(0), end: true };
        } catch (error) {
          const reason = keepGoing === true ? lossOf(error, volume) : undefined;
          if (reason === undefined) throw error;
          const whole = options.known?.get(volume.fileId)?.dataBytes;
          const bytes = whole === undefined ? undefined : Math.max(0, whole - dataBytes);
          yield { volume, bytes: new Uint8Array(0), end: true, lost: { bytes, reason, error } };
        }
      }
    },
  };
}

function storedBytes(
  store: Pick<ObjectStore, 'download'>,
  volume: Volume,
  options: StreamReaderOptions,
  onSealed: OnSealed | undefined,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const { ranges, parallel } = rangesOf(volume, options);
  const onRange = (from: number, bytes: Uint8Array): void => {
    onSealed?.(volume, from, bytes);
  };
  return orderedRanges(store, volume.fileId, ranges, { parallel, onRange, signal });
}

function rangesOf(
  { fileId, bytes }: Volume,
  { parallel, rangeBytes, known }: StreamReaderOptions,
): { ranges: Iterable<ByteRange>; parallel: number } {
  const parts = known?.get(fileId)?.parts ?? [];
  const largest = parts.reduce((most, [size]) => Math.max(most, size), 0);
  const total = parts.reduce((sum, [size]) => sum + size, 0);
  const inMemory = Math.floor((parallel * rangeBytes) / Math.max(1, largest));
  if (total !== bytes || largest === 0 || inMemory < 1)
    return { ranges: evenRanges(0, bytes, rangeBytes), parallel };
  return { ranges: rangesOfParts(parts), parallel: Math.min(inMemory, 2 * parallel) };
}

function* rangesOfParts(parts: ManifestVolume['parts']): Generator<ByteRange> {
  let from = 0;
  for (const [bytes, sha1] of parts) {
    yield { from, to: from + bytes, sha1 };
    from += bytes;
  }
}
