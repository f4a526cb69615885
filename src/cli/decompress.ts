/** Which stock program turns an archive's volumes into a tar. */
import type { Archive } from '../catalog/archive.js';
import { Failure } from '../errors.js';

const BY_CODEC: Readonly<Record<string, readonly string[] | undefined>> = {
  none: undefined,
  gzip: ['gzip', '-dc'],
  zstd: ['zstd', '-dcq'],
  bzip2: ['bzip2', '-dc'],
  xz: ['xz', '-dc'],
  lz4: ['lz4', '-dc'],
};

/** For archives without file info: by the extension in the name. */
const CODEC_OF_EXTENSION: Readonly<Record<string, string>> = {
  '': 'none',
  '.raw': 'none',
  '.gz': 'gzip',
  '.zst': 'zstd',
  '.bz2': 'bzip2',
  '.xz': 'xz',
  '.lz4': 'lz4',
};

/** @returns the command's words; undefined where the volumes are a plain tar */
export function decompressCommand(
  archive: Pick<Archive, 'codec' | 'extension' | 'host' | 'number'>,
): readonly string[] | undefined {
  const codec = archive.codec ?? CODEC_OF_EXTENSION[archive.extension];
  if (codec === undefined || !(codec in BY_CODEC)) {
    throw new Failure(
      'usage',
      `${archive.host} #${archive.number} is compressed in a way that is not known: ${codec ?? archive.extension}`,
    );
  }
  return BY_CODEC[codec];
}
