/** Whatever is done to a sealed volume, the reader reports it; under the AEAD profiles it passes on nothing that was not written. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { after, before } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/errors.js';
import { openMessage } from '../../src/openpgp/reader.js';
import type { AeadAlgorithm, OpenPgpProfile } from '../../src/openpgp/profile.js';
import { always, cut, drain, whole } from '../openpgp/feeding.js';
import {
  boundarySizes,
  CHUNK,
  sealVolume,
  type SealedVolume,
  type SmallEngine,
  smallEngine,
} from './sealed-volume.js';

const keys = { passwords: ['correct horse'] };

const writers: readonly { profile: OpenPgpProfile; aead: AeadAlgorithm }[] = [
  { profile: 'librepgp', aead: 'ocb' },
  { profile: 'rfc4880', aead: 'ocb' },
  { profile: 'rfc9580', aead: 'ocb' },
  { profile: 'rfc9580', aead: 'gcm' },
];

for (const { profile, aead } of writers) {
  test(`${profile} ${aead}`, async (t) => {
    let engine: SmallEngine;
    let data: Buffer;
    let sealed: SealedVolume;

    before(async () => {
      engine = await smallEngine({ profile, aead });
      data = randomBytes(engine.layout.dataBytes(0) + engine.layout.dataBytes(1) + 5000);
      sealed = await sealVolume(engine, data);
    });
    after(() => engine.close());

    const assertReported = async (message: Uint8Array): Promise<void> => {
      const { data: read, error } = await drain(openMessage(whole(message), keys));
      assert.ok(error instanceof Failure, `reported, not ${String(error)}`);
      assert.equal(error.kind, 'damaged');
      if (profile !== 'rfc4880')
        assert.ok(read.equals(data.subarray(0, read.length)), 'only what was written');
    };

    await t.test('is read back at every boundary size, however it arrives', async () => {
      for (const size of boundarySizes(engine)) {
        const part = randomBytes(size);
        const { message } = await sealVolume(engine, part);
        for (const pieces of [size < 300 ? 1 : 101, message.length]) {
          const { data: read, error } = await drain(openMessage(cut(message, always(pieces)), keys));
          assert.equal(error, undefined);
          assert.ok(read.equals(part), `${size} bytes in pieces of ${pieces}`);
        }
      }
    });

    await t.test('truncated anywhere', async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: sealed.message.length - 1 }), (bytes) =>
          assertReported(sealed.message.subarray(0, bytes)),
        ),
      );
    });

    await t.test('any bit flipped', async () => {
      const bits = sealed.message.length * 8;
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.integer({ min: 0, max: bits - 1 }), fc.integer({ min: 0, max: 1200 })),
          (bit) => {
            const message = Buffer.from(sealed.message);
            message.writeUInt8(message.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
            return assertReported(message);
          },
        ),
        { numRuns: 300 },
      );
    });

    await t.test('octets behind the end', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 50 }), (more) =>
          assertReported(Buffer.concat([sealed.message, more])),
        ),
        { numRuns: 30 },
      );
      await assertReported(Buffer.concat([sealed.message, sealed.message]));
    });

    await t.test('the last part removed, parts swapped or repeated', async () => {
      const [a, b, c] = sealed.parts;
      assert.ok(a !== undefined && b !== undefined && c !== undefined && sealed.parts.length === 3);
      for (const parts of [[a, b], [a], [a, c], [a, c, b], [a, b, b, c], [b, a, c], [b, c]]) {
        await assertReported(Buffer.concat(parts));
      }
    });

    await t.test('two blocks of the size of a chunk swapped', async () => {
      const size = profile === 'rfc4880' ? CHUNK : CHUNK + 16;
      // One part only: there the chunks lie side by side, behind one length.
      const short = await sealVolume(engine, data.subarray(0, engine.layout.dataBytes(0)));
      const end = short.message.length - 16;
      const [first, second] = [end - 2 * size, end - size];
      const swapped = Buffer.concat([
        short.message.subarray(0, first),
        short.message.subarray(second, end),
        short.message.subarray(first, second),
        short.message.subarray(end),
      ]);
      await assertReported(swapped);
    });
  });
}
