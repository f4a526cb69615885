/** Volumes that were found damaged must not be copied into the next archive. */
import type { Volume } from '../catalog/archive.js';
import { partsByFileId, type Manifest } from '../catalog/manifest.js';
import { asFailure } from '../errors.js';
import { counted } from './format.js';
import type { Located } from './context.js';
import type { RestoreContext } from './restore-context.js';

export class DamagedVolumes {
  readonly #fileIds = new Set<string>();
  #somewhere = false;

  add({ fileId }: Pick<Volume, 'fileId'>): void {
    this.#fileIds.add(fileId);
  }

  /** What was in the volumes is damaged, and nobody can tell in which: unless some are known, it may be any. */
  addSomewhere(): void {
    this.#somewhere = true;
  }

  /** The SHA-1s that the manifest gives for them; none for volumes of many parts, which nobody copies. */
  sha1s(manifest: Manifest | undefined): Set<string> {
    const all = this.#somewhere && this.#fileIds.size === 0;
    const sha1s = new Set<string>();
    for (const [fileId, [first, ...others]] of partsByFileId(manifest))
      if (first !== undefined && others.length === 0 && (all || this.#fileIds.has(fileId)))
        sha1s.add(first[1]);
    return sha1s;
  }
}

/** @returns what is to be said of it */
export async function distrusted(
  context: Pick<RestoreContext, 'distrust'>,
  located: Located,
  sha1s: ReadonlySet<string>,
): Promise<string[]> {
  if (sha1s.size === 0) return [];
  try {
    const volumes = (await context.distrust?.(located, sha1s)) ?? 0;
    return volumes === 0 ? [] : [`the next archive sends ${counted(volumes, 'volume')} instead of copying`];
  } catch (error) {
    return [`the next archive may still copy from it: ${asFailure(error).message}`];
  }
}
