import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  archiveStem,
  parseObjectName,
  splitSuffix,
  suffixIndex,
  volumeName,
} from '../../src/catalog/names.js';

test('suffixIndex is the inverse of splitSuffix, on both sides of each change of width', () => {
  for (const index of [0, 1, 25, 26, 648, 649, 650, 651, 17_549, 17_550, 456_950])
    assert.equal(suffixIndex(splitSuffix(index)), index);
  fc.assert(fc.property(fc.nat(5_000_000), (index) => suffixIndex(splitSuffix(index)) === index));
});

test('a suffix that split never writes is not one', () => {
  for (const text of ['', 'a', 'aaa', 'za', 'zaa', 'zz', 'AA', 'zaaaa', 'gpg', 'COMPLETE', 'z'])
    assert.equal(suffixIndex(text), undefined, text);
});

test('names are taken apart from the right: hosts with dots, digits and .tar in them', () => {
  const cases: [string, ReturnType<typeof parseObjectName>][] = [
    ['web.1.tar.aa.gpg', { host: 'web', number: 1, tail: ['aa'], encrypted: true }],
    [
      'web.example.org.12.tar.zaaa.gpg',
      { host: 'web.example.org', number: 12, tail: ['zaaa'], encrypted: true },
    ],
    ['10.0.0.1.7.tar.gz.aa.gpg', { host: '10.0.0.1', number: 7, tail: ['gz', 'aa'], encrypted: true }],
    ['h.3.tar.COMPLETE', { host: 'h', number: 3, tail: ['COMPLETE'], encrypted: false }],
    ['h.3.tar.gpg', { host: 'h', number: 3, tail: [], encrypted: true }],
    ['h.3.tar', { host: 'h', number: 3, tail: [], encrypted: false }],
    ['h.1.tar.2.tar.aa.gpg', { host: 'h.1.tar', number: 2, tail: ['aa'], encrypted: true }],
    ['h.tar.gpg', undefined],
    ['h.x.tar.gpg', undefined],
    ['.1.tar.gpg', undefined],
    ['h.1.tarball', undefined],
    ['h.1.tar.a.b.c.gpg', undefined],
    ['photo.jpg', undefined],
    ['h.99999999999999999999.tar.gpg', undefined],
  ];
  for (const [name, parsed] of cases) assert.deepEqual(parseObjectName(name), parsed, name);
});

test('every name we write is parsed back to its host and number, whatever the host looks like', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'grapheme' }),
      fc.nat(),
      fc.constantFrom('', '.gz', '.zst'),
      fc.nat(2000),
      fc.boolean(),
      (host, number, extension, index, split) => {
        const name = volumeName({ prefix: 'p/', host, number, extension }, index, split);
        const parsed = parseObjectName(name, 'p/');
        assert.equal(parsed?.host, host);
        assert.equal(parsed.number, number);
      },
    ),
  );
});

test('a token prefix that opens other backups: the stem of web #1 begins no name of web #10, nor of web.1', () => {
  const stem = archiveStem({ prefix: '', host: 'web', number: 1 });
  for (const [host, number] of [
    ['web', 10],
    ['web', 11],
    ['web.1', 1],
    ['web.1', 10],
    ['web2', 1],
  ] as const) {
    assert.ok(
      !volumeName({ prefix: '', host, number, extension: '' }, 0, true).startsWith(stem),
      `${host} #${number}`,
    );
  }
});
