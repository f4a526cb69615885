/** Every profile, for passwords, recipients and both, at every boundary size, opened byte for byte by programs of others. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import test, { after, before } from 'node:test';
import type { AeadAlgorithm, OpenPgpProfile } from '../../src/openpgp/profile.js';
import { boundarySizes, sealVolume, smallEngine } from './sealed-volume.js';
import {
  available,
  cleanUp,
  gpgByPassphrase,
  gpgBySecretKey,
  importSecretKey,
  newKey,
  openpgpJs,
  sqBySecretKey,
  type TestKey,
} from './readers.js';

let first: TestKey;
let second: TestKey;

before(async () => {
  first = await newKey('first');
  second = await newKey('second');
  importSecretKey(second);
});
after(cleanUp);

const PASSWORD = 'correct horse';

const writers: readonly { profile: OpenPgpProfile; aead: AeadAlgorithm }[] = [
  { profile: 'librepgp', aead: 'ocb' },
  { profile: 'rfc4880', aead: 'ocb' },
  { profile: 'rfc9580', aead: 'ocb' },
  { profile: 'rfc9580', aead: 'gcm' },
];

for (const { profile, aead } of writers) {
  for (const sealedFor of ['password', 'recipients', 'both'] as const) {
    test(`${profile} ${aead} for ${sealedFor}`, async () => {
      const engine = await smallEngine({
        profile,
        aead,
        passwords: sealedFor === 'recipients' ? [] : [PASSWORD, 'another'],
        recipients:
          sealedFor === 'password'
            ? []
            : [
                { name: 'first', contents: first.publicKey },
                { name: 'second', contents: Buffer.from(second.armoredPublicKey) },
              ],
      });
      try {
        const secrets = await engine.newVolume();
        for (const size of boundarySizes(engine)) {
          const data = randomBytes(size);
          // Key packets are the same at every size; a key is never used twice outside of a test.
          const { message, parts, sha1s } = await sealVolume(engine, data, secrets);
          parts.forEach((part, i) => {
            assert.equal(sha1s[i], createHash('sha1').update(part).digest('hex'));
          });
          const readings: Buffer[] = [];
          if (sealedFor !== 'recipients') {
            readings.push(await openpgpJs(message, { password: 'another' }));
            if (profile !== 'rfc9580') readings.push(gpgByPassphrase(message, PASSWORD));
          }
          if (sealedFor !== 'password') {
            readings.push(await openpgpJs(message, { key: first }));
            if (profile !== 'rfc9580') readings.push(gpgBySecretKey(message));
            if (profile === 'rfc4880' && size % 5 === 0 && available('sq'))
              readings.push(sqBySecretKey(message, first));
          }
          for (const read of readings) assert.ok(read.equals(data), `${size} bytes differ`);
        }
      } finally {
        await engine.close();
      }
    });
  }
}
