/** How an archive's volumes are packed, as far as its names, file info and manifest say. */
import type { Archive } from '../catalog/archive.js';
import { formatNamed, formatOfExtension, type Format } from '../compression/formats.js';
import { Failure } from '../errors.js';
import type { Command } from '../restore/stock-program.js';

export type Packing =
  /** The volumes hold the tar itself. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'packed'; readonly format: Format }
  /** By a program that nothing here can undo. */
  | { readonly kind: 'unknown'; readonly by: string };

type Named = Pick<Archive, 'codec' | 'extension' | 'host' | 'number'>;

/** The codec's name first; then the extension: a wrapper script has a name of its own, and writes what its extension says. */
export function packingOf({ codec, extension }: Omit<Named, 'host' | 'number'>): Packing {
  if (codec === 'none') return { kind: 'plain' };
  const format = (codec === undefined ? undefined : formatNamed(codec)) ?? formatOfExtension(extension);
  if (format !== undefined) return { kind: 'packed', format };
  if (codec === undefined && (extension === '' || extension === '.raw')) return { kind: 'plain' };
  return { kind: 'unknown', by: codec ?? extension };
}

/** @throws Failure `usage` where nothing is known that undoes it */
export function unknownPacking({ host, number }: Pick<Named, 'host' | 'number'>, by: string): Failure {
  return new Failure('usage', `${host} #${number} is compressed by ${by}, and nothing here can undo that`, {
    hint: 'restore -o FILE writes it as it is stored, for that program',
  });
}

/** @returns the command's words; undefined where the volumes are a plain tar. @throws Failure `usage` where none is known */
export function decompressCommand(archive: Named): Command | undefined {
  const packing = packingOf(archive);
  if (packing.kind === 'unknown') throw unknownPacking(archive, packing.by);
  return packing.kind === 'plain' ? undefined : packing.format.decompress;
}
