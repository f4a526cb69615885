/** What can be checked without downloading an archive: manifest against listing. Pure. */
import type { Archive, Volume } from './archive.js';
import { partsByFileId, type Manifest } from './manifest.js';
import { memberIndexOf } from './member-index-of.js';

export interface PieceToCheck {
  readonly volume: Volume;
  readonly from: number;
  readonly to: number;
  readonly sha1: string;
}

/** Every part whose SHA-1 is known, where it lies in its volume. */
export function piecesToCheck(archive: Archive, manifest: Manifest | undefined): PieceToCheck[] {
  const parts = partsByFileId(manifest);
  const index = memberIndexOf(archive, manifest);
  return [...(index === undefined ? [] : [index]), ...archive.volumes].flatMap((volume): PieceToCheck[] => {
    const ofVolume = parts.get(volume.fileId);
    if (ofVolume === undefined) {
      return volume.sha1 === undefined ? [] : [{ volume, from: 0, to: volume.bytes, sha1: volume.sha1 }];
    }
    let at = 0;
    return ofVolume.map(([bytes, sha1]) => {
      const from = at;
      at += bytes;
      return { volume, from, to: at, sha1 };
    });
  });
}

/**
 * Pieces with at least `percent` of the bytes, drawn at random; at least one where there is one.
 * @param random in [0, 1)
 */
export function drawSample(
  pieces: readonly PieceToCheck[],
  percent: number,
  random: () => number,
): PieceToCheck[] {
  const total = pieces.reduce((sum, { from, to }) => sum + to - from, 0);
  const rest = [...pieces];
  const drawn: PieceToCheck[] = [];
  let bytes = 0;
  while (rest.length > 0 && (drawn.length === 0 || bytes < (total * percent) / 100)) {
    const [piece] = rest.splice(Math.floor(random() * rest.length), 1);
    if (piece === undefined) break;
    drawn.push(piece);
    bytes += piece.to - piece.from;
  }
  // In the order of the archive, so that the log reads well.
  const order = new Map(pieces.map((piece, at) => [piece, at]));
  return drawn.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
}

/** @returns one line when they differ */
export function sha1Problem({ volume, from, to, sha1 }: PieceToCheck, found: string): string[] {
  return found === sha1
    ? []
    : [`${volume.name}: SHA-1 of bytes ${from}-${to - 1} is ${found} instead of ${sha1}`];
}
