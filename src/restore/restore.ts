/** One archive out of B2 and into a sink. */
import type { Volume } from '../catalog/archive.js';
import type { ArchiveReader, ReadOptions } from './reader.js';
import type { Sink } from './sink.js';

export interface RestoreVolumesOptions extends ReadOptions {
  /** Told after each volume, with the bytes that came out of it. */
  readonly onVolume?: (volume: Volume, dataBytes: number) => Promise<void> | void;
}

/** Writes the volumes into the sink, one after the other; does not finish it. */
export async function restoreVolumes(
  reader: ArchiveReader,
  volumes: readonly Volume[],
  sink: Pick<Sink, 'write'>,
  options: RestoreVolumesOptions,
): Promise<void> {
  let dataBytes = 0;
  for await (const { volume, bytes, end } of reader.read(volumes, options)) {
    options.signal?.throwIfAborted();
    if (bytes.length > 0) await sink.write(bytes);
    dataBytes += bytes.length;
    if (!end) continue;
    await options.onVolume?.(volume, dataBytes);
    dataBytes = 0;
  }
}
