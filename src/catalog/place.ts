/** Which part of an archive a version is: its manifest, or a volume. Pure. */
import type { FileVersion } from '../store.js';
import { INFO, parseObjectName, suffixIndex } from './names.js';

export type Place = 'manifest' | { readonly extension: string; readonly index: number };

const EXTENSIONS = new Set(['gz', 'bz2', 'zst', 'xz', 'lz4', 'raw', 'lzo', 'Z']);

/** @param splitPlain whether the archive is split and its names have no extension */
export function placeOf(
  { fileName, fileInfo }: Pick<FileVersion, 'fileName' | 'fileInfo'>,
  prefix: string,
  splitPlain: boolean,
): Place | undefined {
  const parsed = parseObjectName(fileName, prefix);
  if (parsed?.tail.length === 1 && parsed.tail[0] === 'COMPLETE' && !parsed.encrypted) return 'manifest';
  const place = parsed && placeByName(parsed.tail, splitPlain);
  const index = Number(fileInfo[INFO.volume] ?? NaN);
  if (Number.isSafeInteger(index) && index >= 0)
    return { extension: extensionOf(parsed?.tail ?? [], place), index };
  // An object with file info but no index is not a volume, whatever its name looks like.
  return fileInfo[INFO.run] === undefined ? place : undefined;
}

/**
 * Extension and index of a volume that has no file info. `.gz` and `.xz` are extensions and also split suffixes: alone, they are
 * suffixes exactly when the archive has a first volume `.aa` without an extension.
 */
function placeByName(
  tail: readonly string[],
  splitPlain: boolean,
): { extension: string; index: number } | undefined {
  const [first, second] = tail;
  if (first === undefined) return { extension: '', index: 0 };
  const firstIndex = suffixIndex(first);
  if (second === undefined) {
    if (EXTENSIONS.has(first) && !(splitPlain && firstIndex !== undefined))
      return { extension: `.${first}`, index: 0 };
    return firstIndex === undefined ? undefined : { extension: '', index: firstIndex };
  }
  const index = suffixIndex(second);
  return index === undefined ? undefined : { extension: `.${first}`, index };
}

/** If the file info has the index, the name only has to give the extension: then `.gz` alone is one. */
function extensionOf(tail: readonly string[], place: { extension: string } | undefined): string {
  const [first] = tail;
  return first !== undefined && EXTENSIONS.has(first) ? `.${first}` : (place?.extension ?? '');
}
