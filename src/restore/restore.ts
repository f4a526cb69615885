/** One archive out of B2: ranges in parallel, opened in order, into the sink, in bounded memory. */
import type { Volume } from '../catalog/archive.js';
import type { ObjectStore } from '../storage/store.js';
import { orderedRanges } from './ranges.js';
import type { Sink } from './sink.js';

/** Sealed bytes of one volume, in order → the bytes inside. @throws Failure `damaged` when they do not authenticate */
export type OpenVolume = (
  sealed: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
) => AsyncIterable<Uint8Array>;

export interface RestoreOptions {
  readonly parallel: number;
  readonly rangeBytes: number;
  readonly openVolume: OpenVolume;
  /** Sees the sealed bytes on their way. */
  readonly tap?: (sealed: AsyncIterable<Uint8Array>, volume: Volume) => AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  /** Told after each volume, with the bytes that came out of it. */
  readonly onVolume?: (volume: Volume, dataBytes: number) => Promise<void> | void;
}

/** Writes the volumes into the sink, one after the other; does not finish it. */
export async function restoreVolumes(
  store: Pick<ObjectStore, 'download'>,
  volumes: readonly Volume[],
  sink: Pick<Sink, 'write'>,
  options: RestoreOptions,
): Promise<void> {
  const { openVolume, tap, signal, onVolume } = options;
  for (const volume of volumes) {
    const stored = orderedRanges(store, volume.fileId, 0, volume.bytes, options);
    const sealed = tap === undefined ? stored : tap(stored, volume);
    const opened = volume.encrypted ? openVolume(sealed, signal) : sealed;
    let dataBytes = 0;
    for await (const chunk of opened) {
      signal?.throwIfAborted();
      await sink.write(chunk);
      dataBytes += chunk.length;
    }
    await onVolume?.(volume, dataBytes);
  }
}
