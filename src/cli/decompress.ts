/** Which stock program turns an archive's volumes into a tar. */
import type { Archive } from '../catalog/archive.js';
import { codecNamed, codecOfExtension } from '../compression/codecs.js';
import { Failure } from '../errors.js';

/** @returns the command's words; undefined where the volumes are a plain tar */
export function decompressCommand(
  archive: Pick<Archive, 'codec' | 'extension' | 'host' | 'number'>,
): readonly string[] | undefined {
  const { codec, extension, host, number } = archive;
  // Archives without file info say it by the extension in their names.
  const row = codec === undefined ? codecOfExtension(extension) : codecNamed(codec);
  if (row === undefined) {
    throw new Failure(
      'usage',
      `${host} #${number} is compressed in a way that is not known: ${codec ?? extension}`,
    );
  }
  return row.decompress;
}
