/** Reads packet headers and bodies, in the current and in the legacy format (RFC 9580 §4.2). */
import { Failure } from '../errors.js';
import { type ByteReader, truncated } from './byte-reader.js';
import { lengthOctets, readLength } from './packets.js';

export interface IncomingPacket {
  readonly type: number;
  /** To be read to its end before the next packet is asked for. */
  readonly body: AsyncGenerator<Uint8Array, void, void>;
}

/** How long one piece of a body is, and whether it is the last. Infinity: to the end of the stream (legacy format only). */
interface Extent {
  readonly bytes: number;
  readonly last: boolean;
}

/** @returns undefined at the end of the stream. @throws Failure `damaged` */
export async function readPacket(reader: ByteReader): Promise<IncomingPacket | undefined> {
  if (await reader.atEnd()) return undefined;
  const tag = await reader.octet();
  if ((tag & 0x80) === 0) throw new Failure('damaged', 'these bytes are not an OpenPGP packet');
  if ((tag & 0x40) !== 0) return { type: tag & 0x3f, body: readBody(reader, await readExtent(reader)) };
  return { type: (tag >> 2) & 0x0f, body: readBody(reader, await readLegacyExtent(reader, tag & 3)) };
}

async function readExtent(reader: ByteReader): Promise<Extent> {
  const first = await reader.octet();
  const rest = await reader.exactly(lengthOctets(first) - 1);
  const { bytes, partial } = readLength(Uint8Array.of(first, ...rest));
  return { bytes, last: !partial };
}

async function readLegacyExtent(reader: ByteReader, lengthType: number): Promise<Extent> {
  if (lengthType === 3) return { bytes: Infinity, last: true };
  return { bytes: bigEndian(await reader.exactly(2 ** lengthType)), last: true };
}

function bigEndian(octets: Uint8Array): number {
  return octets.reduce((value, octet) => value * 256 + octet, 0);
}

async function* readBody(reader: ByteReader, first: Extent): AsyncGenerator<Uint8Array, void, void> {
  for (let extent = first; ; extent = await readExtent(reader)) {
    for (let left = extent.bytes; left > 0;) {
      const some = await reader.some(left);
      if (some === undefined) {
        if (left === Infinity) return;
        throw truncated();
      }
      left -= some.length;
      yield some;
    }
    if (extent.last) return;
  }
}

/** The whole body of a short packet. */
export async function collect(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes)
      throw new Failure('damaged', 'an OpenPGP packet in front of the data is implausibly long');
    pieces.push(Uint8Array.from(piece));
  }
  return Uint8Array.from(Buffer.concat(pieces));
}
