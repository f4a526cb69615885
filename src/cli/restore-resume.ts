/** Where a restore goes on that an earlier run has begun. */
import type { Archive } from '../catalog/archive.js';
import type { Manifest } from '../catalog/manifest.js';
import type { VolumePlace } from '../catalog/volume-places.js';
import type { ArchiveReader } from '../restore/reader.js';
import { resumedReader } from '../restore/resumed-reader.js';
import type { Located } from './archives.js';
import type { RestoreContext } from './restore-context.js';
import type { OpenTarget } from './restore-file.js';

/** What is to come out of each volume. */
export function dataBytesOf(
  places: readonly VolumePlace[],
  { skip, within }: Pick<OpenTarget, 'skip' | 'within'>,
): Map<string, number> {
  const known = new Map<string, number>();
  for (const [index, { expected, volume }] of places.entries())
    if (expected !== undefined && volume !== undefined)
      known.set(volume.fileId, expected.dataBytes - (index === skip ? within : 0));
  return known;
}

/** Data bytes of each volume, where its parts authenticate by themselves and the manifest has them. */
export function authenticatedSizes(
  { profile }: Archive,
  places: readonly VolumePlace[],
): number[] | undefined {
  if (profile !== 'librepgp' && profile !== 'rfc9580') return undefined;
  const sizes = places.flatMap(({ expected, volume }) =>
    expected !== undefined && volume?.encrypted === true ? [expected.dataBytes] : [],
  );
  return sizes.length === places.length ? sizes : undefined;
}

/** @param reader of the whole archive @returns one that begins where an earlier run stopped */
export async function readerFrom(
  reader: ArchiveReader,
  context: RestoreContext,
  located: Located,
  manifest: Manifest | undefined,
  { skip, within }: Pick<OpenTarget, 'skip' | 'within'>,
): Promise<ArchiveReader> {
  if (within === 0 || manifest === undefined) return reader;
  const before = manifest.volumes.slice(0, skip).reduce((sum, { dataBytes }) => sum + dataBytes, 0);
  const to = before + (manifest.volumes[skip]?.dataBytes ?? 0);
  return resumedReader(reader, await context.dataReader(located, manifest), { from: before + within, to });
}
