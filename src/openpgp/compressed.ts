/** The body of a compressed data packet (RFC 9580 §5.6) around literal text: gpg decompresses it by itself. */
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { literalLead } from './layout.js';

/** ZIP: raw DEFLATE. */
const ALGORITHM = 1;

export async function compressedText(data: Uint8Array): Promise<Uint8Array> {
  const literal = Buffer.concat([Uint8Array.from(literalLead(data.length, 'text')), data]);
  return Buffer.concat([Uint8Array.of(ALGORITHM), await promisify(deflateRaw)(literal, { level: 9 })]);
}
