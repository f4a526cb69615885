/**
 * Where the bytes of a volume's parts lie: in the data (tar), in the plaintext (data with literal-data framing) and in the
 * sealed volume. Pure arithmetic, forwards and backwards; docs/format.md explains it with figures.
 *
 *     volume  = key packets | data packet
 *     part 0  = key packets | tag | pieces of the data packet with their length octets
 *     part k  =                     pieces of the data packet with their length octets
 *
 * Every part but the last carries exactly `partBytes` of plaintext, a whole number of aeadChunks, and its pieces end where it
 * ends: both those of the data packet outside and those of the literal data packet inside. The last part ends both packets
 * with a definite length.
 */
import { Failure } from '../errors.js';
import { definiteLength, packetTag, PACKET, partialLength } from './packets.js';
import { piecesOfBody, piecesWithLengths } from './pieces.js';
import {
  type AeadAlgorithm,
  CFB_PREFIX_BYTES,
  chunkSizeOctet,
  MDC_BYTES,
  type OpenPgpProfile,
  PROFILE,
  TAG_BYTES,
} from './profile.js';

/** 1 MiB: part sizes fall on it, and a reader holds no more than that. */
export const DEFAULT_AEAD_CHUNK_BYTES = 1 << 20;

/** Format, no file name, no date (RFC 9580 §5.9). */
const LITERAL_HEADER = { binary: [0x62, 0, 0, 0, 0, 0], text: [0x75, 0, 0, 0, 0, 0] } as const;
const LITERAL_HEADER_BYTES = LITERAL_HEADER.binary.length;

/** What determines the layout of every volume of an archive. */
export interface VolumeShape {
  readonly profile: OpenPgpProfile;
  /** Of the AEAD profiles. */
  readonly aead: AeadAlgorithm;
  /** Plaintext of a part: a multiple of `aeadChunkBytes`, at least 1024. A sealed part is a little longer. */
  readonly partBytes: number;
  /** A power of two, 64 bytes to 4 MiB. */
  readonly aeadChunkBytes: number;
  /** Room for key packets, in front of the first part. */
  readonly keyPacketReserve: number;
  /**
   * What the data are the body of: a literal data packet, or, in a message of one part, a compressed data packet (`compressedText`).
   * Default: literal.
   */
  readonly inner?: 'literal' | 'compressed';
}

/** Where the bytes of a volume's parts lie. */
export interface VolumeLayout {
  readonly shape: VolumeShape;
  /** Data (tar) bytes that fill part `index` (0-based) when it is not the volume's last; the most a last part can hold. */
  dataBytes(index: number): number;
  /** Size of the ArrayBuffer that carries a part, before and after sealing. */
  readonly bufferBytes: number;
  /** Where the data begins in that buffer before sealing. */
  readonly dataOffset: number;
}

/** Octets that announce a piece of a packet, then the piece's own bytes. */
export interface Piece {
  /** Tag, length and header octets, as far as they fall in front of this piece. */
  readonly lead: readonly number[];
  /** Inside: data bytes. Outside: octets of the data packet's body. */
  readonly bytes: number;
}

/** Everything about one part that follows from its index and length. */
export interface PartPlan {
  /** Cuts the data into the pieces of the literal data packet. */
  readonly inner: readonly Piece[];
  /** Cuts the data packet's body (header, ciphertext, tags) into its pieces. */
  readonly outer: readonly Piece[];
  readonly dataBytes: number;
  /** Data and inner leads. */
  readonly plaintextBytes: number;
  /** Length of the sealed part without the key packets. */
  readonly sealedBytes: number;
  /** AEAD: number of the part's first aeadChunk within the message. */
  readonly firstChunk: number;
}

export function volumeLayout(shape: VolumeShape): VolumeLayout {
  checkShape(shape);
  const first = fullDataBytes(shape, 0);
  const next = fullDataBytes(shape, 1);
  const dataOffset = Math.ceil((shape.keyPacketReserve + overheadBound(shape)) / 64) * 64;
  return {
    shape,
    dataBytes: (index) => (index === 0 ? first : next),
    bufferBytes: dataOffset + Math.max(first, next),
    dataOffset,
  };
}

function checkShape({ partBytes, aeadChunkBytes, keyPacketReserve }: VolumeShape): void {
  chunkSizeOctet(aeadChunkBytes);
  const whole = Number.isInteger(partBytes / aeadChunkBytes);
  if (!whole || partBytes < 1024 || partBytes >= 2 ** 31 || keyPacketReserve < 0) {
    throw new Failure(
      'internal',
      `part of ${partBytes} bytes: not a multiple of ${aeadChunkBytes} below 2 Gi`,
    );
  }
}

/** Octets a part may grow by, length octets of both packets, headers and tags together, whatever it holds. */
function overheadBound({ partBytes, aeadChunkBytes }: VolumeShape): number {
  return TAG_BYTES * (partBytes / aeadChunkBytes + 2) + 256;
}

/** @param dataBytes Of the last part; otherwise exactly what fills the part. */
export function partPlan(shape: VolumeShape, index: number, last: boolean, dataBytes: number): PartPlan {
  const inner = last ? lastInnerPiece(shape, index, dataBytes) : fullInnerPieces(shape, index);
  const plaintextBytes = total(inner);
  const bodyBytes = bodyBytesOf(shape, index, last, plaintextBytes);
  const outer = outerPieces(shape, index, last, bodyBytes);
  return {
    inner,
    outer,
    dataBytes,
    plaintextBytes,
    sealedBytes: total(outer),
    firstChunk: index * (shape.partBytes / shape.aeadChunkBytes),
  };
}

/**
 * Of a literal data packet in one piece around so many octets: all that precedes them. Volumes are binary, the manifest is text: what a
 * host's files make of a volume is never taken for a manifest.
 */
export function literalLead(dataBytes: number, format: 'binary' | 'text' = 'binary'): number[] {
  return [
    packetTag(PACKET.literal),
    ...definiteLength(LITERAL_HEADER_BYTES + dataBytes),
    ...LITERAL_HEADER[format],
  ];
}

function total(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.lead.length + piece.bytes, 0);
}

function fullDataBytes(shape: VolumeShape, index: number): number {
  return fullInnerPieces(shape, index).reduce((sum, piece) => sum + piece.bytes, 0);
}

function fullInnerPieces({ partBytes }: VolumeShape, index: number): Piece[] {
  if (index > 0)
    return piecesWithLengths(partBytes).map((k) => ({ lead: [partialLength(k)], bytes: 2 ** k }));
  const tag = packetTag(PACKET.literal);
  return piecesWithLengths(partBytes - 1).map((k, i) =>
    i === 0
      ? { lead: [tag, partialLength(k), ...LITERAL_HEADER.binary], bytes: 2 ** k - LITERAL_HEADER_BYTES }
      : { lead: [partialLength(k)], bytes: 2 ** k },
  );
}

function lastInnerPiece({ inner }: VolumeShape, index: number, dataBytes: number): Piece[] {
  if (index > 0) return [{ lead: definiteLength(dataBytes), bytes: dataBytes }];
  if (inner === 'compressed')
    return [{ lead: [packetTag(PACKET.compressed), ...definiteLength(dataBytes)], bytes: dataBytes }];
  return [{ lead: literalLead(dataBytes), bytes: dataBytes }];
}

/** Octets of the data packet's body that fall into the part. */
function bodyBytesOf(shape: VolumeShape, index: number, last: boolean, plaintextBytes: number): number {
  const header = index === 0 ? PROFILE[shape.profile].headerBytes : 0;
  if (shape.profile === 'rfc4880') {
    return header + (index === 0 ? CFB_PREFIX_BYTES : 0) + plaintextBytes + (last ? MDC_BYTES : 0);
  }
  const chunks = Math.ceil(plaintextBytes / shape.aeadChunkBytes);
  return header + plaintextBytes + chunks * TAG_BYTES + (last ? TAG_BYTES : 0);
}

function outerPieces(shape: VolumeShape, index: number, last: boolean, bodyBytes: number): Piece[] {
  const tag = index === 0 ? [packetTag(PROFILE[shape.profile].packet)] : [];
  if (last) return [{ lead: [...tag, ...definiteLength(bodyBytes)], bytes: bodyBytes }];
  return piecesOfBody(bodyBytes).map((k, i) => ({
    lead: [...(i === 0 ? tag : []), partialLength(k)],
    bytes: 2 ** k,
  }));
}

/**
 * `partBytes` of a volume from the sealed size of a full part, the inverse of `PartPlan.sealedBytes`: whole chunks, each with its tag. Key
 * packets and length octets together must be shorter than a chunk.
 */
export function partBytesOf(sealedBytes: number, aeadChunkBytes: number): number {
  return Math.floor(sealedBytes / (aeadChunkBytes + TAG_BYTES)) * aeadChunkBytes;
}
