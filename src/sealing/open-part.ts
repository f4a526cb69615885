/** Opens one part of a volume of our own layout, in place: the inverse of sealing. */
import { Failure } from '../errors.js';
import { type AeadContext, aeadContext } from '../openpgp/aead.js';
import { openChunkInto } from '../openpgp/aead-stream.js';
import { PACKET, packetTag, readLength } from '../openpgp/packets.js';
import { chunkSizeOctet, PROFILE, TAG_BYTES } from '../openpgp/profile.js';
import type { OpenRequest } from './ports.js';
import { unframe } from './unframe.js';

/** @returns where the data lie in the buffer. @throws Failure `damaged` */
export function openPart(request: OpenRequest): { readonly offset: number; readonly bytes: number } {
  const { key, part, last } = request;
  if (key.profile === 'rfc4880')
    throw new Failure('internal', 'the parts of an rfc4880 volume cannot be opened singly');
  const context = aeadContext({
    ...key,
    profile: key.profile,
    chunkOctet: chunkSizeOctet(key.aeadChunkBytes),
  });
  const buffer = new Uint8Array(request.buffer);
  const sealedEnd = request.offset + request.bytes;
  const start =
    part === 0 ? afterTag(buffer, request.offset, sealedEnd, PROFILE[key.profile].packet) : request.offset;

  const bodyEnd = unframe(buffer, start, sealedEnd, last);
  let body: Uint8Array = buffer.subarray(start, bodyEnd);
  if (part === 0) body = withoutHeader(body, context.header);
  const plaintext = openChunks(request, context, body);

  const from = plaintext.byteOffset;
  const to = from + plaintext.length;
  if (part > 0) return { offset: from, bytes: unframe(buffer, from, to, last) - from };
  if (buffer[from] !== packetTag(PACKET.literal)) throw damaged(part);
  const end = unframe(buffer, from + 1, to, last);
  const header = 6 + (buffer[from + 2] ?? 0);
  if (from + 1 + header > end) throw damaged(part);
  return { offset: from + 1 + header, bytes: end - (from + 1 + header) };
}

/** Decrypts the chunks in place, one after the other, and checks every tag. */
function openChunks(request: OpenRequest, context: AeadContext, body: Uint8Array): Uint8Array {
  const { key, part, last, partBytes } = request;
  const firstChunk = (part * partBytes) / key.aeadChunkBytes;
  const sealedChunk = key.aeadChunkBytes + TAG_BYTES;
  const end = body.length - (last ? TAG_BYTES : 0);
  let read = 0;
  let written = 0;
  let chunk = firstChunk;
  for (; read < end; chunk++) {
    const sealed = body.subarray(read, Math.min(end, read + sealedChunk));
    if (sealed.length <= TAG_BYTES) throw damaged(part);
    if (!openChunkInto(context.decryptChunk(chunk), sealed, body.subarray(written))) throw damaged(part);
    read += sealed.length;
    written += sealed.length - TAG_BYTES;
  }
  if (last) {
    const final = context.decryptFinal(chunk, part * partBytes + written);
    if (body.length < TAG_BYTES || !openChunkInto(final, body.subarray(end), body.subarray(end)))
      throw damaged(part);
  } else if (written !== partBytes) {
    throw damaged(part);
  }
  return body.subarray(0, written);
}

/** Skips the key packets. @returns the position after the data packet's tag. */
function afterTag(buffer: Uint8Array, offset: number, end: number, dataPacket: number): number {
  let at = offset;
  while (at < end) {
    const tag = buffer[at];
    if (tag === packetTag(dataPacket)) return at + 1;
    if (
      tag !== packetTag(PACKET.symmetricKeyEncryptedSessionKey) &&
      tag !== packetTag(PACKET.publicKeyEncryptedSessionKey)
    ) {
      break;
    }
    const { octets, bytes } = readLength(buffer, at + 1, end);
    at += 1 + octets + bytes;
  }
  throw damaged(0);
}

function withoutHeader(body: Uint8Array, header: Uint8Array): Uint8Array {
  if (Buffer.compare(body.subarray(0, header.length), header) !== 0) throw damaged(0);
  return body.subarray(header.length);
}

function damaged(part: number): Failure {
  return new Failure('damaged', `part ${part + 1} of the volume is damaged, or not of this volume`);
}
