/** The archive as its manifest has it. Pure. */
import { isUnderWay, type Archive, type Volume } from './archive.js';
import type { Manifest, ManifestVolume } from './manifest.js';
import { memberIndexOf } from './member-index-of.js';

export interface Followed {
  /** With the volumes that the manifest names and no others, in its order; and with its codec and profile. */
  readonly archive: Archive;
  /** With the file IDs of these volumes, and of the member index: copying a bucket gives objects others. */
  readonly manifest: Manifest;
  /** Volumes that are not in the bucket, one line each. */
  readonly problems: readonly string[];
}

/**
 * File info and newer versions do not decide which objects are the volumes: anybody who can write to the bucket can add both. The file ID
 * in the manifest does; if no object has it, the name and the size. The contents must have the manifest's SHA-1s in any case.
 */
export function followManifest(archive: Archive, manifest: Manifest): Followed {
  const candidates = candidatesOf(archive);
  const placed = manifest.volumes.map((expected, index) => ({
    expected,
    volume: placedIn(candidates.get(expected.name) ?? [], expected, index),
  }));
  const index = memberIndexOf(archive, manifest);
  const volumes = placed.flatMap(({ volume }) => (volume === undefined ? [] : [volume]));
  return {
    archive: {
      ...archive,
      codec: manifest.codec.name,
      profile: manifest.profile,
      extension: manifest.extension,
      volumes,
      bytes: volumes.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    manifest: {
      ...manifest,
      volumes: placed.map(({ expected, volume }) => ({
        ...expected,
        fileId: volume?.fileId ?? expected.fileId,
      })),
      ...(manifest.index === undefined || index === undefined
        ? {}
        : { index: { ...manifest.index, fileId: index.fileId } }),
    },
    problems: [
      ...placed.flatMap(({ expected, volume }) =>
        volume === undefined ? [notThere(expected)] : sha1Problem(volume, expected),
      ),
      ...(manifest.index === undefined || index !== undefined ? [] : [notThere(manifest.index)]),
    ],
  };
}

/**
 * The archive in the state that its proven manifest gives it. The listing's comes from file info, which anybody who can write to the bucket
 * can put on a copy of COMPLETE: a partial archive would be finished, and a finished one partial or damaged.
 */
export function inProvenState(archive: Archive, manifest: Manifest): Archive {
  const { state } = archive;
  if (isUnderWay(state) || state === 'hidden' || state === manifest.state) return archive;
  const { archive: followed, problems } = followManifest(archive, manifest);
  if (problems.length === 0) return { ...followed, state: manifest.state, problems: manifest.reasons };
  return state === 'damaged' ? archive : { ...archive, state: 'damaged', problems };
}

function notThere({ name }: { readonly name: string }): string {
  return `${name}: the version that the manifest names is not in the bucket`;
}

/** By name. The ones that are listed as the archive's volumes come first. */
function candidatesOf(archive: Archive): Map<string, Volume[]> {
  const older = archive.leftovers
    .filter(({ kind }) => kind === 'upload')
    .map((object): Volume => ({
      ...object,
      index: 0,
      sha1: undefined,
      encrypted: object.name.endsWith('.gpg'),
      shadowed: true,
      hidden: false,
    }));
  const byName = new Map<string, Volume[]>();
  for (const volume of [...archive.volumes, ...older]) {
    const versions = byName.get(volume.name);
    if (versions === undefined) byName.set(volume.name, [volume]);
    else versions.push(volume);
  }
  return byName;
}

function placedIn(
  candidates: readonly Volume[],
  { fileId, bytes }: ManifestVolume,
  index: number,
): Volume | undefined {
  const fitting = candidates.filter((volume) => volume.bytes === bytes);
  const volume = fitting.find((candidate) => candidate.fileId === fileId) ?? fitting[0];
  return volume && { ...volume, index };
}

/** B2 knows the SHA-1 of files uploaded in one piece. */
function sha1Problem({ sha1 }: Volume, { name, parts }: ManifestVolume): string[] {
  const [only, ...others] = parts;
  return sha1 === undefined || only === undefined || others.length > 0 || sha1 === only[1]
    ? []
    : [`${name}: SHA-1 is ${sha1} instead of ${only[1]}`];
}
