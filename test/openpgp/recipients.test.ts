import assert from 'node:assert/strict';
import test from 'node:test';
import * as openpgp from 'openpgp';
import { Failure } from '../../src/errors.js';
import { checkRecipients, type KeyFile, openPkesk, recipientPackets } from '../../src/openpgp/recipients.js';
import { PACKET } from '../../src/openpgp/packets.js';

const now = new Date();
const DAY_MS = 86_400_000;

async function generate(options: Partial<openpgp.KeyOptions> = {}): Promise<openpgp.PrivateKey> {
  const { privateKey } = await openpgp.generateKey({
    // Made before `now`, whatever second the clock has moved on to.
    date: new Date(now.getTime() - 3_600_000),
    type: 'ecc',
    curve: 'curve25519Legacy',
    userIDs: [{ name: 'someone' }],
    ...options,
    format: 'object',
  });
  return privateKey;
}

const file = (key: openpgp.Key, name = 'someone.asc'): KeyFile => ({ name, contents: key.write() });

async function refusal(files: readonly KeyFile[]): Promise<Failure> {
  const error: unknown = await checkRecipients(files, now).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Failure, 'refused');
  assert.equal(error.kind, 'config');
  return error;
}

test('public keys are taken binary, armored, and several from one file', async () => {
  const one = (await generate()).toPublic();
  const two = (await generate()).toPublic();
  const both = Buffer.concat([one.write(), two.write()]);
  const ids = await checkRecipients(
    [file(one), { name: 'armored', contents: Buffer.from(two.armor()) }, { name: 'ring', contents: both }],
    now,
  );
  const [a, b] = [one, two].map((key) => key.getKeyID().toHex().toUpperCase());
  assert.deepEqual(ids, [a, b, a, b]);
});

test('an unusable key is refused with its file, its ID and the reason', async () => {
  const expired = await generate({ date: new Date(now.getTime() - 10 * DAY_MS), keyExpirationTime: 86_400 });
  const future = await generate({ date: new Date(now.getTime() + 10 * DAY_MS) });
  const healthy = await generate();
  const { privateKey: revoked } = await openpgp.revokeKey({ key: healthy, format: 'object' });
  const signsOnly = await generate({ subkeys: [{ sign: true }] });
  const cases: [openpgp.Key, RegExp][] = [
    [expired.toPublic(), /expired on \d{4}-\d\d-\d\d/],
    [future.toPublic(), /is only valid from/],
    [revoked.toPublic(), /is revoked/],
    [signsOnly.toPublic(), /no key that can encrypt/],
    [healthy, /is a secret key/],
  ];
  for (const [key, expected] of cases) {
    // A good key in front does not hide a bad one.
    const { message } = await refusal([file(healthy.toPublic(), 'good.asc'), file(key, 'bad.asc')]);
    assert.match(message, expected);
    assert.match(message, /bad\.asc/);
    assert.ok(message.includes(key.getKeyID().toHex().toUpperCase()));
  }
});

test('a file that holds no keys is refused', async () => {
  for (const contents of [
    '',
    'hello',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\ngarbage\n-----END PGP PUBLIC KEY BLOCK-----\n',
  ]) {
    const { message } = await refusal([{ name: 'empty.asc', contents: Buffer.from(contents) }]);
    assert.match(message, /^empty\.asc: /);
  }
});

test('a session key comes back through the secret key, also one with a passphrase of its own', async () => {
  const key = await generate();
  const sessionKey = new Uint8Array(32).fill(3);
  const locked = await openpgp.encryptKey({ privateKey: key, passphrase: 'inner' });
  const sessionKeys = [sessionKey, new Uint8Array(32).fill(4)];
  const [packets, others] = await recipientPackets(
    'librepgp',
    'ocb',
    [file(key.toPublic())],
    sessionKeys,
    now,
  );
  assert.ok(packets !== undefined && others !== undefined && !Buffer.from(packets).equals(others));
  assert.equal(packets[0], 0xc0 | PACKET.publicKeyEncryptedSessionKey);
  const sealed = {
    pkesks: [packets.subarray(2)],
    dataPacket: PACKET.aeadEncrypted,
    dataHead: Uint8Array.of(1, 9, 2, 14, ...new Uint8Array(15)),
  };
  const opened = await openPkesk(sealed, [file(locked)], ['nonsense', 'inner']);
  assert.deepEqual(opened, { cipher: 9, key: sessionKey });
  assert.equal(await openPkesk(sealed, [file(await generate())], []), undefined);
  await assert.rejects(openPkesk(sealed, [file(locked)], ['nonsense']), /not unlocked by any passphrase/);
  await assert.rejects(openPkesk(sealed, [file(key.toPublic())], []), /is a public key/);
});
