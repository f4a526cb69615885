import { createHash, type Hash } from 'node:crypto';
import type { Piece } from '../openpgp/layout.js';

/**
 * Writes one part of a volume: takes the octets of the data packet's body in any slices, puts the length octets between
 * them where the plan says, and hashes what it wrote while that is still in the cache.
 */
export class PartWriter {
  readonly #out: Uint8Array;
  readonly #pieces: readonly Piece[];
  readonly #sha1: Hash | undefined;
  #piece = -1;
  #left = 0;
  #position = 0;
  #hashed = 0;

  constructor(out: Uint8Array, pieces: readonly Piece[], hash: boolean) {
    this.#out = out;
    this.#pieces = pieces;
    this.#sha1 = hash ? createHash('sha1') : undefined;
  }

  /** Where the next octet goes, from the start of the buffer. */
  get position(): number {
    return this.#position;
  }

  /** Octets in front of the data packet. */
  writeRaw(bytes: ArrayLike<number>): void {
    this.#out.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  write(body: Uint8Array): void {
    let from = 0;
    while (from < body.length) {
      if (this.#left === 0) this.#beginPiece();
      const bytes = Math.min(this.#left, body.length - from);
      this.#out.set(bytes === body.length ? body : body.subarray(from, from + bytes), this.#position);
      this.#position += bytes;
      this.#left -= bytes;
      from += bytes;
    }
    this.#sha1?.update(this.#out.subarray(this.#hashed, this.#position));
    this.#hashed = this.#position;
  }

  #beginPiece(): void {
    const piece = this.#pieces[++this.#piece];
    if (piece === undefined) throw new RangeError('more octets than the plan of the part has');
    this.writeRaw(piece.lead);
    this.#left = piece.bytes;
  }

  /** @returns hex SHA-1 of the part; empty if another thread computes it. */
  end(): string {
    if (this.#left !== 0 || this.#piece !== this.#pieces.length - 1) {
      throw new RangeError('fewer octets than the plan of the part has');
    }
    return this.#sha1?.digest('hex') ?? '';
  }
}

/** Sealing in place relies on this: the output never reaches data that is still to be read. */
export function assertBehind(writer: PartWriter, taken: Uint8Array): void {
  if (writer.position > taken.byteOffset + taken.length)
    throw new RangeError('the ciphertext has overtaken the data');
}
