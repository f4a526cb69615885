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

/** A gap as long as this is one place: its length is only what somebody's file info says. */
const LONG_GAP = 1000;

function placesByIndex({ volumes, host, number }: Archive): VolumePlace[] {
  const places: VolumePlace[] = [];
  const missing = (what: string): void => {
    places.push({ name: `${what} of ${host} #${number}`, expected: undefined, volume: undefined });
  };
  let next = 0;
  for (const volume of [...new Map(volumes.map((volume) => [volume.index, volume])).values()]) {
    const { name, index } = volume;
    if (index - next >= LONG_GAP) missing(`volumes ${next + 1} to ${index}`);
    else for (let at = next; at < index; at++) missing(`volume ${at + 1}`);
    places.push({ name, expected: undefined, volume });
    next = index + 1;
  }
  return places;
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
