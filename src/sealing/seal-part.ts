/**
 * Seals one part of an AEAD profile, in place: the ciphertext grows from the front of the buffer that holds the data behind
 * a reserve, and never reaches data that the cipher has not taken. Parts are independent of each other.
 */
import { aeadContext, type ChunkCipher } from '../openpgp/aead.js';
import { partPlan, volumeLayout, type VolumeShape } from '../openpgp/layout.js';
import { chunkSizeOctet } from '../openpgp/profile.js';
import { DataDigest } from './data-digest.js';
import { discard } from '../discard.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import { assertBehind, PartWriter } from './part-writer.js';
import { plaintextSlices } from './plaintext.js';

export interface PartToSeal {
  readonly shape: VolumeShape;
  readonly secrets: VolumeSecrets;
  readonly part: number;
  readonly last: boolean;
  /** `VolumeLayout.bufferBytes` long, data at `VolumeLayout.dataOffset`. */
  readonly buffer: ArrayBuffer;
  readonly dataBytes: number;
  /** undefined: no digest (for the benchmark, which measures its cost). */
  readonly digestKey: Uint8Array | undefined;
  /** False if another thread computes the part's SHA-1. */
  readonly hash: boolean;
}

/** The sealed part lies at the front of the buffer. */
export interface SealedFacts {
  readonly bytes: number;
  /** Hex; empty without `hash`. */
  readonly sha1: string;
  readonly digest: string;
}

export function sealAeadPart(request: PartToSeal): SealedFacts {
  const { shape, secrets, part, last } = request;
  if (secrets.profile === 'rfc4880') throw new TypeError('not an AEAD profile');
  const chunkOctet = chunkSizeOctet(shape.aeadChunkBytes);
  const context = aeadContext({ ...secrets, profile: secrets.profile, chunkOctet });
  const { dataOffset } = volumeLayout(shape);
  const plan = partPlan(shape, part, last, request.dataBytes);
  const buffer = new Uint8Array(request.buffer);
  const writer = new PartWriter(buffer, plan.outer, request.hash);
  const digest = request.digestKey === undefined ? undefined : new DataDigest(request.digestKey);

  if (part === 0) {
    writer.writeRaw(secrets.keyPackets);
    writer.write(context.header);
  }

  let chunk = plan.firstChunk;
  let cipher = context.encryptChunk(chunk++);
  let room = shape.aeadChunkBytes;
  for (const slice of plaintextSlices(buffer, dataOffset, plan.inner, (data) => {
    digest?.update(data);
  })) {
    for (let from = 0; from < slice.length;) {
      if (room === 0) {
        endChunk(writer, cipher);
        cipher = context.encryptChunk(chunk++);
        room = shape.aeadChunkBytes;
      }
      const bytes = Math.min(room, slice.length - from);
      const ciphertext = cipher.update(slice.subarray(from, from + bytes));
      writer.write(ciphertext);
      discard(ciphertext);
      room -= bytes;
      from += bytes;
    }
    assertBehind(writer, slice);
  }
  endChunk(writer, cipher);
  if (last) {
    const before = plan.firstChunk * shape.aeadChunkBytes;
    const final = context.encryptFinal(chunk, before + plan.plaintextBytes);
    endChunk(writer, final);
  }
  return { sha1: writer.end(), bytes: writer.position, digest: digest?.end(part) ?? '' };
}

function endChunk(writer: PartWriter, cipher: ChunkCipher): void {
  writer.write(cipher.final());
  writer.write(cipher.getAuthTag());
}
