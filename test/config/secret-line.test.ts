/** One rule for a secret, wherever it comes from: files, commands, the environment; and sh reads the same octets. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { mayHaveLost, variableOctets } from '../../src/config/environment.js';
import { readConfig } from '../../src/config/read-config.js';
import { readApplicationKey, readOpeningPassphrases, readPassphrases } from '../../src/config/secrets.js';
import { secretLine, unfitForSealing } from '../../src/config/secret-line.js';

const directory = mkdtempSync(join(tmpdir(), 'secret-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Contents, the secret in them, and the other form that version 1.0 sealed with. All as latin1. */
const CASES: readonly (readonly [what: string, contents: string, secret: string, version1?: string])[] = [
  ['a line', 'correct horse\n', 'correct horse'],
  ['no newline', 'correct horse', 'correct horse'],
  ['CRLF', 'correct horse\r\n', 'correct horse'],
  ['CR at the end', 'correct horse\r', 'correct horse', 'correct horse\r'],
  ['blanks, which count', ' a b \n', ' a b '],
  ['more lines', 'one\ntwo\n', 'one'],
  ['a byte-order mark', '\xef\xbb\xbfcorrect horse\r\n', 'correct horse', '\xef\xbb\xbfcorrect horse'],
  ['UTF-8', 'Gr\xc3\xbc\xc3\x9fe\n', 'Gr\xc3\xbc\xc3\x9fe'],
  ['Latin-1', 'Gr\xfc\xdfe\n', 'Gr\xfc\xdfe', 'Gr\xef\xbf\xbd\xef\xbf\xbde'],
  [
    'octets of no text at all',
    '\xff\xfe\x01\x80',
    '\xff\xfe\x01\x80',
    '\xef\xbf\xbd\xef\xbf\xbd\x01\xef\xbf\xbd',
  ],
];

describe('a secret', () => {
  for (const [index, [what, contents, secret, version1]] of CASES.entries()) {
    it(`${what}: from file, command and environment, and in sh`, async () => {
      const file = join(directory, `secret${index}`);
      writeFileSync(file, latin1(contents), { mode: 0o600 });
      const config = (flags: object, environment = {}) =>
        readConfig({ file: '/dev/null', environment, flags: { ...flags } });
      const configs = [
        config({ passphrase_file: [file] }),
        config({ passphrase_command: `cat ${file}` }),
        config({ passphrase: Uint8Array.from(latin1(contents)) }),
      ];
      for (const each of configs) {
        const [sealing, ...others] = await readPassphrases(each);
        assert.deepEqual(others, []);
        assert.equal(Buffer.from(sealing?.octets() ?? []).toString('latin1'), secret);
      }
      const [first] = configs;
      assert.ok(first);
      const opening = await readOpeningPassphrases(first);
      assert.deepEqual(
        opening.map((each) => Buffer.from(each.octets()).toString('latin1')),
        [secret, ...(version1 === undefined ? [] : [version1])],
      );
    });
  }

  it('that nobody could restore with is refused when sealing, and still opens', async () => {
    for (const [contents, reason] of [
      ['', /empty first line/],
      ['\n', /empty first line/],
      ['\r\n', /empty first line/],
      ['a\0b\n', /NUL octet/],
      ['\xff\x80\n\x90\x81', /binary data with a newline/],
    ] as const) {
      assert.match(unfitForSealing(latin1(contents)) ?? '', reason);
    }
    const file = join(directory, 'binary');
    writeFileSync(file, latin1('\xff\x80\n\x90\x81'), { mode: 0o600 });
    const config = readConfig({ file: '/dev/null', environment: {}, flags: { passphrase_file: [file] } });
    await assert.rejects(readPassphrases(config), {
      kind: 'config',
      message: /2 octets before it would count/,
    });
    assert.equal((await readOpeningPassphrases(config)).length, 2);
  });

  it('variables that are not UTF-8 are read as octets', () => {
    const file = join(directory, 'environ');
    writeFileSync(file, latin1('A=1\0BACKUPPC_B2_PASSPHRASE_2=x\0BACKUPPC_B2_PASSPHRASE=Gr\xfc\xdfe=\0Z=\0'));
    assert.deepEqual(variableOctets('BACKUPPC_B2_PASSPHRASE', file), Uint8Array.from(latin1('Gr\xfc\xdfe=')));
    assert.equal(variableOctets('PASSPHRASE', file), undefined);
    assert.equal(variableOctets('A', join(directory, 'none')), undefined);
    assert.ok(mayHaveLost(latin1('Gr\xfc').toString('utf8')));
    assert.throws(
      () => readConfig({ file: '/dev/null', environment: { BACKUPPC_B2_PASSPHRASE: 'Gr\uFFFD' }, flags: {} }),
      /BACKUPPC_B2_PASSPHRASE: is not UTF-8 text; a file takes any octets/,
    );
  });

  it('as an application key, it is one ASCII word', async () => {
    const read = (key: string) =>
      readApplicationKey(
        readConfig({
          file: '/dev/null',
          environment: { B2_APPLICATION_KEY_ID: 'id', B2_APPLICATION_KEY: key },
          flags: {},
        }),
      );
    assert.equal((await read('K005abc+/\r\n')).key.reveal(), 'K005abc+/');
    for (const key of ['K005 abc', 'K005\u00fc', 'K005"\tx'])
      await assert.rejects(read(key), /characters that no application key has/);
  });

  it('sh reads it the same way', () => {
    const script = `LC_ALL=C; export LC_ALL
IFS= read -r p || :
p=\${p%"$(printf '\\r')"}
p=\${p#"$(printf '\\357\\273\\277')"}
printf %s "$p"`;
    for (const [, contents] of CASES) {
      const input = latin1(contents);
      assert.ok(execFileSync('sh', ['-c', script], { input }).equals(secretLine(input)));
    }
  });
});
