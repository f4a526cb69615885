/** Which stock program turns an archive's volumes into a tar. */
import type { Archive } from '../catalog/archive.js';
import { codecNamed, codecOfExtension } from '../compression/codecs.js';
import { Failure } from '../errors.js';
import type { Command } from '../restore/sink.js';

/** @returns the command's words; undefined where the volumes are a plain tar */
export function decompressCommand(
  archive: Pick<Archive, 'codec' | 'extension' | 'host' | 'number'>,
): Command | undefined {
  // Archives without file info tell by the extension in their name.
  const row = archive.codec === undefined ? codecOfExtension(archive.extension) : codecNamed(archive.codec);
  if (row === undefined) {
    const what = archive.codec ?? archive.extension;
    throw new Failure(
      'usage',
      `${archive.host} #${archive.number} is compressed in a way that is not known: ${what}`,
      {
        hint: 'restore it with -o FILE.gpg and decompress it with that program',
      },
    );
  }
  return row.decompress;
}
