import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VolumeKeys } from '../../src/sealing/volume-keys.js';
import type { VolumeSecrets } from '../../src/openpgp/volume-secrets.js';

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** @returns the keys, and how many session keys each call asked packets for */
function keysOf(shared: boolean): { keys: VolumeKeys; calls: number[] } {
  const calls: number[] = [];
  const keyPackets = (sessionKeys: readonly Uint8Array[]): Promise<Uint8Array[]> => {
    calls.push(sessionKeys.length);
    return Promise.resolve(sessionKeys.map((key) => key.slice(0, 4)));
  };
  return { keys: new VolumeKeys({ profile: 'librepgp', aead: 'ocb', shared, keyPackets }), calls };
}

const many = (keys: VolumeKeys, count: number): Promise<VolumeSecrets[]> =>
  Promise.all(Array.from({ length: count }, () => keys.next()));

const distinct = (all: VolumeSecrets[], of: (secrets: VolumeSecrets) => Uint8Array): number =>
  new Set(all.map((secrets) => hex(of(secrets)))).size;

describe('keys of volume after volume', () => {
  it('with a passphrase: one session key and one set of packets, an IV for each', async () => {
    const { keys, calls } = keysOf(true);
    const all = await many(keys, 200);
    assert.equal(
      distinct(all, ({ sessionKey }) => sessionKey),
      1,
    );
    assert.equal(
      distinct(all, ({ salt }) => salt),
      200,
    );
    assert.deepEqual(calls, [1]);
  });

  it('with recipients alone: a session key for each, their packets made in batches that grow', async () => {
    const { keys, calls } = keysOf(false);
    const all = await many(keys, 200);
    assert.equal(
      distinct(all, ({ sessionKey }) => sessionKey),
      200,
    );
    assert.equal(
      distinct(all, ({ salt }) => salt),
      200,
    );
    for (const { sessionKey, keyPackets } of all) assert.equal(hex(keyPackets), hex(sessionKey.slice(0, 4)));
    assert.deepEqual(calls, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
  });

  it('a failure goes to whoever asked; the next one tries again', async () => {
    for (const shared of [true, false]) {
      let broken = true;
      const keys = new VolumeKeys({
        profile: 'librepgp',
        aead: 'ocb',
        shared,
        keyPackets: (sessionKeys) =>
          broken ? Promise.reject(new Error('no key')) : Promise.resolve(sessionKeys),
      });
      await assert.rejects(keys.next(), /no key/);
      broken = false;
      assert.equal((await keys.next()).sessionKey.length, 32);
    }
  });
});
