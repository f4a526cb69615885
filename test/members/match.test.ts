import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { escapeOctets } from '../../src/members/escape.js';
import { matcher } from '../../src/members/match.js';

const cases: readonly (readonly [
  pattern: string,
  share: string,
  yes: readonly string[],
  no: readonly string[],
])[] = [
  [
    'etc/fstab',
    '/',
    ['./etc/fstab', 'etc/fstab', '/etc/fstab', './/etc/fstab'],
    ['./etc/fstab.d', './x/etc/fstab'],
  ],
  ['./etc/fstab', '/', ['./etc/fstab'], ['./etc']],
  ['/etc/', '/', ['./etc/', './etc/fstab', './etc/apt/x'], ['./etc2/', './etcetera']],
  ['home/ann/*', '/', ['./home/ann/a', './home/ann/b/c', './home/ann/.x'], ['./home/ann/', './home/anna/a']],
  ['home/*/mail', '/', ['./home/ann/mail', './home/ann/mail/x'], ['./home/ann/b/mail']],
  ['**/*.conf', '/', ['./etc/a/b.conf', './etc/b.conf'], ['./etc/b.config']],
  ['f?o', '/', ['./foo', './fäo', './f\u{1f600}o'], ['./fo', './f/o', './fooo']],
  ['[ab]x', '/', ['./ax', './bx'], ['./cx']],
  ['[!ab]x', '/', ['./cx'], ['./ax', './/x']],
  ['a+(b).c', '/', ['./a+(b).c'], ['./aab.c', './a+(b)xc']],
  ['a\\*b', '/', ['./a*b'], ['./axb']],
  ['a\\nb', '/', ['./a\nb'], ['./anb']],
  ['.', '/', ['./', './x', './x/y'], []],
  // One share was archived: its name may be there or not.
  ['/home/ann/x', '/home', ['./ann/x'], ['./x']],
  ['ann/x', '/home', ['./ann/x'], []],
  // All shares: with or without their names.
  ['etc/fstab', '*', ['./root/etc/fstab', './etc/fstab'], ['./root/x/etc/fstab']],
  ['root/etc/fstab', '*', ['./root/etc/fstab'], ['./other/etc/fstab']],
];

describe('patterns', () => {
  for (const [pattern, share, yes, no] of cases) {
    it(`${pattern} of share ${share}`, () => {
      const wanted = matcher([pattern], share);
      for (const path of yes) assert.equal(wanted.matches(Buffer.from(path)), true, path);
      for (const path of no) assert.equal(wanted.matches(Buffer.from(path)), false, path);
    });
  }

  it('what matched nothing is named', () => {
    const wanted = matcher(['a', 'b*', 'c'], '/');
    for (const path of ['./a', './bb']) wanted.matches(Buffer.from(path));
    assert.deepEqual(wanted.unmatched, ['c']);
  });

  it('a path as files prints it is a pattern for it, whatever its octets', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc
            .uint8Array({ minLength: 1, maxLength: 12 })
            .filter((name) => !name.includes(0x2f) && !name.includes(0)),
          { minLength: 1, maxLength: 3 },
        ),
        (names) => {
          const path = Buffer.concat(names.flatMap((name) => [Buffer.from('/'), name])).subarray(1);
          fc.pre(!/(^|\/)\.\.?(\/|$)/.test(path.toString('latin1')) && !path.includes(0x5b));
          assert.ok(matcher([escapeOctets(path)], '/').matches(path), escapeOctets(path));
        },
      ),
    );
  });
});
