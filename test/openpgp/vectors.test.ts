/** Messages that gpg, RNP and OpenPGP.js wrote (test/vectors/make.sh), opened by our reader. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { Failure } from '../../src/errors.js';
import { openMessage, type OpeningKeys } from '../../src/openpgp/reader.js';
import { openPkesk } from '../../src/openpgp/recipients.js';
import { always, cut, drain, whole } from './feeding.js';

const PLAIN = Array.from({ length: 800 }, (_, i) => `${i + 1}\n`).join('');
const folder = new URL('../../../test/vectors/', import.meta.url);
const vector = (name: string): Buffer => readFileSync(new URL(name, folder));

const byPassphrase: OpeningKeys = { passwords: ['wrong', 'correct horse'] };
const bySecretKey: OpeningKeys = {
  passwords: [],
  openPkesk: (sealed) =>
    openPkesk(
      sealed,
      ['rsa.key', 'ecc.key'].map((name) => ({ name, contents: vector(name) })),
      [],
    ),
};

const REFUSED: Readonly<Record<string, RegExp>> = {
  'gpg-cfb-bzip2.gpg': /compressed inside with bzip2/,
  'rnp-eax.gpg': /cannot read cipher 9, AEAD mode 1/,
};

for (const name of readdirSync(folder).filter((file) => file.endsWith('.gpg'))) {
  const keys = /ecc|rsa|hidden/.test(name) ? bySecretKey : byPassphrase;
  const refusal = REFUSED[name];
  if (refusal === undefined) {
    test(`${name} is opened, in one piece and in ragged ones`, async () => {
      const message = vector(name);
      for (const source of [whole(message), cut(message, always(1)), cut(message, always(37))]) {
        const { data, error } = await drain(openMessage(source, keys));
        assert.equal(error, undefined);
        assert.equal(data.toString(), PLAIN);
      }
    });
  } else {
    test(`${name} is refused with the reason`, async () => {
      const { error } = await drain(openMessage(whole(vector(name)), keys));
      assert.ok(error instanceof Failure && error.kind === 'damaged');
      assert.match(error.message, refusal);
    });
  }
}

test('a wrong passphrase and no key at all are told apart from nothing but opened by nothing', async () => {
  for (const name of ['gpg-cfb-plain.gpg', 'rnp-ocb.gpg', 'openpgpjs-gcm.gpg', 'gpg-cfb-ecc.gpg']) {
    for (const passwords of [[], ['wrong']]) {
      const { data, error } = await drain(openMessage(whole(vector(name)), { passwords }));
      assert.equal(data.length, 0);
      assert.ok(error instanceof Failure && error.kind === 'damaged', name);
      assert.match(error.message, /wrong passphrase or key/);
      assert.match(error.hint ?? '', /encrypted for 1/);
    }
  }
});

test('what is not an OpenPGP message is reported as such', async () => {
  for (const [text, expected] of [
    ['hello world', /not an OpenPGP packet/],
    ['', /no encrypted data/],
    ['\xcb\x05b\0\0\0\0', /type 11 does not belong/],
  ] as const) {
    const { error } = await drain(openMessage(whole(Buffer.from(text, 'latin1')), { passwords: ['x'] }));
    assert.ok(error instanceof Failure);
    assert.match(error.message, expected);
  }
});
