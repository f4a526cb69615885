/** The member index among an archive's objects. Pure. */
import type { Archive, Volume } from './archive.js';
import type { Manifest } from './manifest.js';

/**
 * The member index that the manifest names, or another client's copy of it, in the form of a volume, so that readers can take it. It is not
 * one, so its position is -1. undefined if there is none.
 */
export function memberIndexOf({ others }: Archive, manifest: Manifest | undefined): Volume | undefined {
  const { index } = manifest ?? {};
  if (index === undefined) return undefined;
  const found =
    others.find(({ fileId }) => fileId === index.fileId) ?? others.find(({ name }) => name === index.name);
  if (found?.bytes !== index.bytes) return undefined;
  return { ...found, index: -1, sha1: undefined, encrypted: true, shadowed: false, hidden: false };
}
