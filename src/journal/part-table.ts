/**
 * The recorded parts of one volume, by index, in rows of bytes. An archive of terabytes has hundreds of thousands, all kept until the manifest
 * is written. As an object each would take some 500 bytes; here it takes 72.
 */
import type { PartRecord } from './records.js';

/** Read access to a volume's parts. */
export interface RecordedParts {
  readonly size: number;
  /** Index of the part that ends the volume, where it is known. */
  readonly last: number | undefined;
  /** The highest index that is recorded; -1 where there is none. */
  readonly highest: number;
  get(part: number): PartRecord | undefined;
  /** In order. */
  values(): Iterable<PartRecord>;
}

/** Octets of a row: presence and flags, length of the digest, SHA-1, digest, and the two sizes as doubles. */
const ROW = { flags: 0, digestBytes: 1, sha1: 4, digest: 24, bytes: 56, dataBytes: 64, length: 72 } as const;
const SHA1_BYTES = 20;
const MOST_DIGEST_BYTES = 32;
/** Ten times B2's limit: a larger index is not ours, and must not make the table that large. */
const MOST_PARTS = 100_000;
/** Of some layouts every volume is a single part, and there are tens of thousands: their rows lie in blocks of so many. */
const ROWS_IN_BLOCK = 256;

const PRESENT = 1;
const LAST = 2;

export class PartTable implements RecordedParts {
  readonly #volume: number;
  /** Of this volume alone, from its second row on; of many before that. */
  #rows: Buffer;
  /** Where the first row lies. */
  #start: number;
  #room = 1;
  #size = 0;
  #last: number | undefined;
  #highest = -1;

  constructor(volume: number) {
    this.#volume = volume;
    if (block.used === ROWS_IN_BLOCK) block = newBlock();
    this.#rows = block.rows;
    this.#start = block.used++ * ROW.length;
  }

  get size(): number {
    return this.#size;
  }

  get last(): number | undefined {
    return this.#last;
  }

  get highest(): number {
    return this.#highest;
  }

  /** Of any number: servers say what they like. */
  has(part: number): boolean {
    const inTable = Number.isInteger(part) && part >= 0 && part <= this.#highest;
    return inTable && (this.#row(part).readUInt8(ROW.flags) & PRESENT) !== 0;
  }

  get(part: number): PartRecord | undefined {
    if (!this.has(part)) return undefined;
    const row = this.#row(part);
    return {
      type: 'part',
      volume: this.#volume,
      part,
      bytes: row.readDoubleLE(ROW.bytes),
      sha1: row.toString('hex', ROW.sha1, ROW.sha1 + SHA1_BYTES),
      dataBytes: row.readDoubleLE(ROW.dataBytes),
      digest: row.toString('hex', ROW.digest, ROW.digest + row.readUInt8(ROW.digestBytes)),
      last: (row.readUInt8(ROW.flags) & LAST) !== 0,
    };
  }

  /** @returns false, changing nothing, for a record that no row can hold: this program did not write it */
  set({ part, bytes, sha1, dataBytes, digest, last }: PartRecord): boolean {
    const digestBytes = Buffer.byteLength(digest, 'hex');
    const fits =
      part < MOST_PARTS &&
      sha1.length === 2 * SHA1_BYTES &&
      digest.length === 2 * digestBytes &&
      digestBytes <= MOST_DIGEST_BYTES;
    if (!fits) return false;
    if (!this.has(part)) this.#size += 1;
    this.#makeRoomFor(part);
    this.#highest = Math.max(this.#highest, part);
    if (last) this.#last = Math.min(this.#last ?? part, part);
    const row = this.#row(part);
    row.writeUInt8(PRESENT | (last ? LAST : 0), ROW.flags);
    row.writeUInt8(digestBytes, ROW.digestBytes);
    row.write(sha1, ROW.sha1, 'hex');
    row.write(digest, ROW.digest, 'hex');
    row.writeDoubleLE(bytes, ROW.bytes);
    row.writeDoubleLE(dataBytes, ROW.dataBytes);
    return true;
  }

  *values(): Generator<PartRecord, void, undefined> {
    for (let part = 0; part <= this.#highest; part++) {
      const record = this.get(part);
      if (record !== undefined) yield record;
    }
  }

  #row(part: number): Buffer {
    const from = this.#start + part * ROW.length;
    return this.#rows.subarray(from, from + ROW.length);
  }

  #makeRoomFor(part: number): void {
    if (part < this.#room) return;
    const before = this.#rows.subarray(this.#start, this.#start + this.#room * ROW.length);
    while (this.#room <= part) this.#room *= 2;
    const larger = Buffer.alloc(this.#room * ROW.length);
    before.copy(larger);
    this.#rows = larger;
    this.#start = 0;
  }
}

interface Block {
  readonly rows: Buffer;
  used: number;
}

function newBlock(): Block {
  return { rows: Buffer.alloc(ROWS_IN_BLOCK * ROW.length), used: 0 };
}

/** Where the next table's first row goes. */
let block = newBlock();
