import { createHash } from 'node:crypto';
import {
  parsePlainManifest,
  plainManifestText,
  type HashedObject,
  type Manifest,
} from '../catalog/manifest.js';
import { downloadWhole } from '../catalog/read.js';
import { Failure } from '../errors.js';
import type { JournalState } from '../journal/state.js';
import type { FileVersion, ObjectStore } from '../store.js';

/**
 * The manifest that an earlier run had stored before it could tidy up.
 * @throws Failure `damaged` where it does not name the volumes that this run's journal knows: then somebody else has put it there
 */
export async function storedManifest(
  store: ObjectStore,
  version: Pick<FileVersion, 'fileId' | 'fileName' | 'contentLength'>,
  journal: JournalState,
): Promise<{ manifest: Manifest; complete: HashedObject }> {
  const bytes = await downloadWhole(store, version);
  const { fileId, fileName: name } = version;
  const manifest = parsePlainManifest(await plainManifestText(bytes, name), name);
  if (!namesVolumesOf(journal, manifest)) {
    throw new Failure('damaged', `${name} does not name the volumes that this run has stored`, {
      hint: "somebody else writes to this bucket: see what 'backuppc-b2 verify' says, and delete what is not yours",
    });
  }
  return {
    manifest,
    complete: { name, fileId, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
  };
}

function namesVolumesOf({ volumes }: JournalState, manifest: Manifest): boolean {
  return (
    manifest.volumes.length === volumes.size &&
    manifest.volumes.every(({ fileId, parts }, index) => {
      const recorded = [...(volumes.get(index)?.parts.values() ?? [])];
      return (
        volumes.get(index)?.fileId === fileId &&
        parts.length === recorded.length &&
        parts.every(([bytes, sha1], part) => recorded[part]?.sha1 === sha1 && recorded[part].bytes === bytes)
      );
    })
  );
}
