/** Which stored volume belongs where in an archive: manifest against listing. Pure. */
import type { Archive, Volume } from './archive.js';
import type { PieceToCheck } from './check.js';
import type { Manifest, ManifestVolume } from './manifest.js';
import { memberIndexOf } from './member-index-of.js';

/** One place of an archive, in order. */
export interface VolumePlace {
  readonly name: string;
  /** Its entry in the manifest; undefined without one. */
  readonly expected: ManifestVolume | undefined;
  /** undefined: it is missing. */
  readonly volume: Volume | undefined;
}

/**
 * The manifest's volumes, each with what is stored of it: the version it names, or one of the same name and length (another client has
 * copied the archive). Without a manifest, what is stored, and the places that its numbers leave empty.
 */
export function placesOf(archive: Archive, manifest: Manifest | undefined): VolumePlace[] {
  if (manifest === undefined) return placesByIndex(archive);
  const byId = new Map(archive.volumes.map((volume) => [volume.fileId, volume]));
  const byName = new Map(archive.volumes.map((volume) => [volume.name, volume]));
  return manifest.volumes.map((expected) => {
    const volume = byId.get(expected.fileId) ?? byName.get(expected.name);
    return { name: expected.name, expected, volume: volume?.bytes === expected.bytes ? volume : undefined };
  });
}

function placesByIndex({ volumes, host, number }: Archive): VolumePlace[] {
  const byIndex = new Map(volumes.map((volume) => [volume.index, volume]));
  const count = volumes.reduce((most, { index }) => Math.max(most, index + 1), 0);
  return Array.from({ length: count }, (_, index) => {
    const volume = byIndex.get(index);
    return { name: volume?.name ?? `volume ${index + 1} of ${host} #${number}`, expected: undefined, volume };
  });
}

/** Every part whose SHA-1 is known, where it lies in its volume. */
export function piecesOfPlaces(places: readonly VolumePlace[]): PieceToCheck[] {
  return places.flatMap(({ expected, volume }): PieceToCheck[] => {
    if (volume === undefined) return [];
    if (expected === undefined)
      return volume.sha1 === undefined ? [] : [{ volume, from: 0, to: volume.bytes, sha1: volume.sha1 }];
    let at = 0;
    return expected.parts.map(([bytes, sha1]) => {
      const from = at;
      at += bytes;
      return { volume, from, to: at, sha1 };
    });
  });
}

/** What the manifest says, by the fileId of the stored volume; of the member index too. */
export function manifestVolumes(archive: Archive, manifest: Manifest): Map<string, ManifestVolume> {
  const known = new Map<string, ManifestVolume>();
  for (const { expected, volume } of placesOf(archive, manifest))
    if (expected !== undefined && volume !== undefined) known.set(volume.fileId, expected);
  const index = memberIndexOf(archive, manifest);
  if (index !== undefined && manifest.index !== undefined) known.set(index.fileId, manifest.index);
  return known;
}
