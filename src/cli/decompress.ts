/** How an archive's volumes are packed, as far as its names, file info and manifest say. */
import type { Archive } from '../catalog/archive.js';
import { formatNamed, formatOfExtension, type Format } from '../compression/formats.js';
import { Failure } from '../errors.js';
import type { Command } from '../restore/stock-program.js';

export type Packing =
  /** The volumes hold the tar itself. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'packed'; readonly format: Format }
  /** In a format that no program here can decompress. */
  | { readonly kind: 'unknown'; readonly by: string };

type Named = Pick<Archive, 'codec' | 'extension' | 'host' | 'number'>;

/** By the codec's name, then by the extension: a wrapper script has its own name, but writes what its extension says. */
export function packingOf({ codec, extension }: Omit<Named, 'host' | 'number'>): Packing {
  if (codec === 'none') return { kind: 'plain' };
  const format = (codec === undefined ? undefined : formatNamed(codec)) ?? formatOfExtension(extension);
  if (format !== undefined) return { kind: 'packed', format };
  if (codec === undefined && (extension === '' || extension === '.raw')) return { kind: 'plain' };
  return { kind: 'unknown', by: codec ?? extension };
}

/** @throws Failure `usage` if no program is known that decompresses it */
export function unknownPacking({ host, number }: Pick<Named, 'host' | 'number'>, by: string): Failure {
  return new Failure(
    'usage',
    `${host} #${number} is compressed by ${by}, which no known program decompresses`,
    {
      hint: 'restore -o FILE writes it as it is stored, for that program',
    },
  );
}

/** @returns the command's words; undefined where the volumes are a plain tar. @throws Failure `usage` where none is known */
export function decompressCommand(archive: Named): Command | undefined {
  const packing = packingOf(archive);
  if (packing.kind === 'unknown') throw unknownPacking(archive, packing.by);
  return packing.kind === 'plain' ? undefined : packing.format.decompress;
}
