/** Compares the SHA-1 of every part with the recorded one, from pieces of any size. */
import { createHash, type Hash } from 'node:crypto';
import type { Volume } from '../catalog/archive.js';
import { sha1Problem, type PieceToCheck } from '../catalog/check.js';
import type { OnSealed } from './reader.js';

interface Progress {
  readonly pieces: PieceToCheck[];
  readonly byStart: Map<number, PieceToCheck>;
  next: number;
  at: number;
  hash: Hash;
}

/** @param onProblem gets one line per damaged part; if it throws, the part is not opened */
export function sealedCheck(
  pieces: readonly PieceToCheck[],
  onProblem: (line: string, volume: Volume) => void,
): OnSealed {
  const volumes = new Map<Volume, Progress>();
  for (const piece of pieces) {
    let known = volumes.get(piece.volume);
    if (known === undefined) {
      known = { pieces: [], byStart: new Map(), next: 0, at: 0, hash: createHash('sha1') };
      volumes.set(piece.volume, known);
    }
    known.pieces.push(piece);
    known.byStart.set(piece.from, piece);
  }
  return (volume, from, bytes, sha1) => {
    const progress = volumes.get(volume);
    if (progress === undefined) return;
    const tell = (line: string): void => {
      onProblem(line, volume);
    };
    const whole = progress.byStart.get(from);
    if (whole?.to === from + bytes.length) {
      // Whole parts come in any order.
      sha1Problem(whole, sha1 ?? createHash('sha1').update(bytes).digest('hex')).forEach(tell);
      return;
    }
    for (let done = 0; done < bytes.length;) {
      const piece = progress.pieces[progress.next];
      if (piece === undefined) return;
      const end = Math.min(bytes.length, done + piece.to - progress.at);
      progress.hash.update(bytes.subarray(done, end));
      progress.at += end - done;
      done = end;
      if (progress.at < piece.to) return;
      const found = progress.hash.digest('hex');
      progress.hash = createHash('sha1');
      progress.next += 1;
      sha1Problem(piece, found).forEach(tell);
    }
  };
}
