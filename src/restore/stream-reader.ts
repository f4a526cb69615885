/** Reads volumes as streams, one after the other: whatever wrote them, in the memory of a few ranges. */
import type { Volume } from '../catalog/archive.js';
import type { ObjectStore } from '../store.js';
import { orderedRanges } from './ranges.js';
import type { ArchiveReader, OnSealed } from './reader.js';

/** Sealed bytes of one volume, in order → the bytes inside. @throws Failure `damaged` when they do not authenticate */
export type OpenVolume = (
  sealed: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
) => AsyncIterable<Uint8Array>;

export interface StreamReaderOptions {
  readonly openVolume: OpenVolume;
  /** Ranges in flight, and their size: together what is held in memory. */
  readonly parallel: number;
  readonly rangeBytes: number;
}

export function streamReader(
  store: Pick<ObjectStore, 'download'>,
  options: StreamReaderOptions,
): ArchiveReader {
  return {
    async *read(volumes, { signal, onSealed }) {
      for (const volume of volumes) {
        const stored = orderedRanges(store, volume.fileId, 0, volume.bytes, { ...options, signal });
        const sealed = onSealed === undefined ? stored : watched(stored, volume, onSealed);
        const opened = volume.encrypted ? options.openVolume(sealed, signal) : sealed;
        for await (const bytes of opened) {
          signal?.throwIfAborted();
          yield { volume, bytes, end: false };
        }
        yield { volume, bytes: new Uint8Array(0), end: true };
      }
    },
  };
}

async function* watched(
  sealed: AsyncIterable<Uint8Array>,
  volume: Volume,
  onSealed: OnSealed,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of sealed) {
    onSealed(volume, at, chunk);
    at += chunk.length;
    yield chunk;
  }
}
