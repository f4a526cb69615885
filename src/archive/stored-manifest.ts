import { parseManifest, type Manifest } from '../catalog/manifest.js';
import type { FileVersion, ObjectStore } from '../store.js';

/** The manifest that an earlier run had stored before it could tidy up. @throws Failure */
export async function downloadManifest(store: ObjectStore, version: FileVersion): Promise<Manifest> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.download(version.fileId, { from: 0, to: version.contentLength }))
    pieces.push(piece);
  return parseManifest(Buffer.concat(pieces).toString('utf8'), version.fileName);
}
