/** Parts of our own volumes, opened singly and in any order in the pool. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/errors.js';
import { partBytesOf } from '../../src/openpgp/layout.js';
import { openSessionKey, type VolumeKey } from '../../src/openpgp/reader.js';
import type { OpenedPart } from '../../src/sealing/ports.js';
import { boundarySizes, PART, sealVolume, type SmallEngine, smallEngine } from './sealed-volume.js';

const keys = { passwords: ['no', 'correct horse'] };

async function open(
  engine: SmallEngine,
  key: VolumeKey,
  bytes: Uint8Array,
  part: number,
  last: boolean,
): Promise<OpenedPart> {
  const offset = 11;
  const buffer = new ArrayBuffer(offset + bytes.length + 100);
  new Uint8Array(buffer).set(bytes, offset);
  const opening = engine.open({ key, part, last, partBytes: PART, buffer, offset, bytes: bytes.length });
  assert.equal(buffer.byteLength, 0, 'the buffer has moved');
  return opening;
}

for (const [profile, aead] of [
  ['librepgp', 'ocb'],
  ['rfc9580', 'ocb'],
  ['rfc9580', 'gcm'],
] as const) {
  test(`${profile} ${aead}: parts give the data, at every boundary size`, async () => {
    const engine = await smallEngine({ profile, aead });
    try {
      for (const size of boundarySizes(engine)) {
        const data = randomBytes(size);
        const { parts, secrets } = await sealVolume(engine, data);
        const key = await openSessionKey(parts[0] ?? Buffer.alloc(0), keys);
        assert.deepEqual(Buffer.from(key.sessionKey), Buffer.from(secrets.sessionKey));
        const opened = await Promise.all(
          parts.map((part, i) => open(engine, key, part, i, i === parts.length - 1)),
        );
        const read = Buffer.concat(
          opened.map(({ buffer, offset, bytes }) => Buffer.from(buffer, offset, bytes)),
        );
        assert.ok(read.equals(data), `${size} bytes`);
        if (parts.length > 2)
          assert.equal(partBytesOf(parts[1]?.length ?? 0, engine.layout.shape.aeadChunkBytes), PART);
      }
    } finally {
      await engine.close();
    }
  });

  test(`${profile} ${aead}: a damaged, displaced or mislabelled part is refused`, async () => {
    const engine = await smallEngine({ profile, aead });
    try {
      const data = randomBytes(engine.layout.dataBytes(0) + engine.layout.dataBytes(1) * 2 + 50);
      const { parts, secrets } = await sealVolume(engine, data);
      const key = await openSessionKey(parts[0] ?? Buffer.alloc(0), keys);
      const refused = (bytes: Uint8Array, part: number, last: boolean) =>
        assert.rejects(
          () => open(engine, key, bytes, part, last),
          (error) => error instanceof Failure && error.kind === 'damaged',
        );
      const [first, second, third, fourth] = parts;
      assert.ok(first !== undefined && second !== undefined && third !== undefined && fourth !== undefined);
      await refused(second, 2, false);
      await refused(second, 1, true);
      await refused(fourth, 3, false);
      await refused(fourth, 2, true);
      await refused(second, 0, false);
      await refused(first, 1, false);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(0, 1, 3),
          fc.nat(),
          fc.integer({ min: 0, max: 7 }),
          async (index, at, bit) => {
            const part = Buffer.from(parts[index] ?? []);
            // In the first part, what stands before the data packet is not looked at again.
            const front = index === 0 ? secrets.keyPackets.length : 0;
            const position = front + (at % (part.length - front));
            part.writeUInt8(part.readUInt8(position) ^ (1 << bit), position);
            await refused(part, index, index === 3);
            await refused(part.subarray(0, position), index, index === 3);
          },
        ),
        { numRuns: 150 },
      );
    } finally {
      await engine.close();
    }
  });
}

test('a passphrase opens the key packet in a worker as it does here; a wrong one does not', async () => {
  for (const profile of ['librepgp', 'rfc9580'] as const) {
    const engine = await smallEngine({ profile });
    const openSkesk = (body: Uint8Array, passphrase: Uint8Array) => engine.openSkesk(body, passphrase);
    try {
      const { parts, secrets } = await sealVolume(engine, randomBytes(1000));
      const [part = Buffer.alloc(0)] = parts;
      const { sessionKey } = await openSessionKey(part, { ...keys, openSkesk });
      assert.deepEqual(Buffer.from(sessionKey), Buffer.from(secrets.sessionKey));
      await assert.rejects(openSessionKey(part, { passwords: ['no', 'nor this'], openSkesk }), Failure);
    } finally {
      await engine.close();
    }
  }
});
