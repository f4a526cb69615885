/** The member index among an archive's objects. Pure. */
import { versionsOf, type Archive, type Volume } from './archive.js';
import type { Manifest } from './manifest.js';

/**
 * The member index that the manifest names, or another client's copy of it, in the form of a volume, so that readers can take it. It is not
 * one, so its position is -1. undefined if there is none.
 */
export function memberIndexOf(archive: Archive, manifest: Manifest | undefined): Volume | undefined {
  const { index } = manifest ?? {};
  if (index === undefined) return undefined;
  const fitting = versionsOf(archive, index.name).filter(({ bytes }) => bytes === index.bytes);
  const found = fitting.find(({ fileId }) => fileId === index.fileId) ?? fitting[0];
  return found && { ...found, index: -1, sha1: undefined, encrypted: true, shadowed: false, hidden: false };
}
