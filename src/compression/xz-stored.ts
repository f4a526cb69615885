/**
 * One xz stream (xz-file-format.txt, sections 2 to 5) of LZMA2 chunks that are not compressed: xz itself needs as long for random bytes as
 * for text. Not for empty input.
 */
import { crc32 } from './crc32.js';

const LZMA2_CHUNK_BYTES = 64 * 1024;
const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] as const;
/** Stream flags: check is CRC-32. */
const FLAGS = [0, 1] as const;
/** 12 octets with their CRC-32, one filter: LZMA2 with a dictionary of 64 KiB. */
const BLOCK_HEADER = [2, 0, 0x21, 1, 8, 0, 0, 0] as const;

/** @returns bytes written to `output` */
export function storeXz(input: Uint8Array, output: Uint8Array): number {
  const writer = new Writer(output);
  writer.bytes(MAGIC);
  writer.withCrc(() => {
    writer.bytes(FLAGS);
  });

  const blockStart = writer.at;
  writer.withCrc(() => {
    writer.bytes(BLOCK_HEADER);
  });
  for (let from = 0; from < input.length; from += LZMA2_CHUNK_BYTES) {
    const chunk = input.subarray(from, from + LZMA2_CHUNK_BYTES);
    const last = chunk.length - 1;
    // 1 resets the dictionary, which the first chunk must do.
    writer.bytes([from === 0 ? 1 : 2, last >> 8, last & 0xff]);
    writer.bytes(chunk);
  }
  writer.bytes([0]);
  const unpadded = writer.at - blockStart + 4;
  writer.pad(blockStart);
  writer.uint32(crc32(input));

  const indexStart = writer.at;
  writer.withCrc(() => {
    writer.bytes([0, 1, ...varint(unpadded), ...varint(input.length)]);
    writer.pad(indexStart);
  });
  const backward = (writer.at - indexStart) / 4 - 1;
  const footer = [backward & 0xff, backward >> 8, 0, 0, ...FLAGS];
  writer.uint32(crc32(Uint8Array.from(footer)));
  writer.bytes([...footer, 0x59, 0x5a]);
  return writer.at;
}

/** Seven bits an octet, the lowest first. */
function varint(value: number): number[] {
  const octets: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) octets.push((rest & 0x7f) | 0x80);
  return [...octets, rest];
}

class Writer {
  at = 0;
  readonly #output: Uint8Array;
  readonly #view: DataView;

  constructor(output: Uint8Array) {
    this.#output = output;
    this.#view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  }

  bytes(bytes: ArrayLike<number>): void {
    this.#output.set(bytes, this.at);
    this.at += bytes.length;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** Zeros up to a multiple of four octets from `start`. */
  pad(start: number): void {
    while ((this.at - start) % 4 !== 0) this.bytes([0]);
  }

  /** What `write` writes, and the CRC-32 of it. */
  withCrc(write: () => void): void {
    const start = this.at;
    write();
    this.uint32(crc32(this.#output.subarray(start, this.at)));
  }
}
