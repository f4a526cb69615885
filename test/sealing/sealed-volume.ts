/** Seals whole volumes for the tests, the way an archive does: all parts asked for at once, in buffers that move. */
import assert from 'node:assert/strict';
import { createSealer, type SealerOptions } from '../../src/sealing/sealer.js';
import type { VolumeSecrets } from '../../src/openpgp/volume-secrets.js';
import { createOpener } from '../../src/sealing/opener.js';
import type { Opener, Sealer } from '../../src/sealing/ports.js';

export const DIGEST_KEY = new Uint8Array(32).fill(7);
export const CHUNK = 4096;
export const PART = 2 * CHUNK;

/** A sealer, and an opener beside it that starts when it is first used. */
export interface SmallEngine extends Sealer, Opener {}

/** Small parts and a weak passphrase derivation, so that tests are quick. */
export async function smallEngine(
  options: Partial<SealerOptions> & Pick<SealerOptions, 'profile'>,
): Promise<SmallEngine> {
  const sealer = await createSealer({
    workers: 2,
    aead: 'ocb',
    partBytes: PART,
    aeadChunkBytes: CHUNK,
    passwords: ['correct horse'],
    s2kOctets: 1024,
    ...options,
  });
  let opener: Opener | undefined;
  const opening = (): Opener => (opener ??= createOpener({ workers: 2 }));
  return {
    pool: sealer.pool,
    layout: sealer.layout,
    newVolume: () => sealer.newVolume(),
    seal: (request) => sealer.seal(request),
    sealMessage: (data) => sealer.sealMessage(data),
    open: (request) => opening().open(request),
    sha1: (buffer, bytes) => opening().sha1(buffer, bytes),
    openSkesk: (body, passphrase) => opening().openSkesk(body, passphrase),
    close: async () => {
      await Promise.all([sealer.close(), opener?.close()]);
    },
  };
}

export interface SealedVolume {
  readonly secrets: VolumeSecrets;
  readonly parts: readonly Buffer[];
  readonly digests: readonly string[];
  readonly sha1s: readonly string[];
  readonly message: Buffer;
}

let volumes = 0;

export async function sealVolume(
  engine: Sealer,
  data: Uint8Array,
  secrets?: VolumeSecrets,
): Promise<SealedVolume> {
  const used = secrets ?? (await engine.newVolume());
  const { layout } = engine;
  const volume = volumes++;
  const sealing = [];
  for (let at = 0, part = 0, last = false; !last; part++) {
    const bytes = Math.min(layout.dataBytes(part), data.length - at);
    last = at + bytes === data.length;
    const buffer = new ArrayBuffer(layout.bufferBytes);
    new Uint8Array(buffer).set(data.subarray(at, at + bytes), layout.dataOffset);
    sealing.push(
      engine.seal({ secrets: used, volume, part, last, buffer, dataBytes: bytes, digestKey: DIGEST_KEY }),
    );
    assert.equal(buffer.byteLength, 0, 'the buffer has moved');
    at += bytes;
  }
  const sealed = await Promise.all(sealing);
  for (const { buffer } of sealed) assert.equal(buffer.byteLength, layout.bufferBytes);
  const parts = sealed.map(({ buffer, offset, bytes }) => Buffer.from(buffer, offset, bytes));
  return {
    secrets: used,
    parts,
    digests: sealed.map(({ digest }) => digest),
    sha1s: sealed.map(({ sha1 }) => sha1),
    message: Buffer.concat(parts),
  };
}

/** Around every boundary of the layout: chunks, parts, and the lengths at which length octets change. */
export function boundarySizes(engine: Sealer): number[] {
  const first = engine.layout.dataBytes(0);
  const next = engine.layout.dataBytes(1);
  const around = [CHUNK, CHUNK - 9, first, first + next, first + 2 * next, first + CHUNK - 3];
  const sizes = [
    0,
    1,
    183,
    184,
    185,
    186,
    191,
    192,
    193,
    ...around.flatMap((size) => [size - 1, size, size + 1]),
  ];
  return [...new Set(sizes)].sort((a, b) => a - b);
}
