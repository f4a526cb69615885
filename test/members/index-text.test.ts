import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { escapeOctets, unescapeOctets } from '../../src/members/escape.js';
import {
  damageLine,
  endLine,
  indexMember,
  INDEX_HEAD,
  INDEX_START,
  memberLine,
  parseIndexLine,
  type IndexLine,
  pointLine,
  type IndexMember,
} from '../../src/members/index-text.js';
import type { TarMember } from '../../src/tar/member.js';

describe('names as text', () => {
  const cases: readonly (readonly [octets: Uint8Array, text: string])[] = [
    [Buffer.from('./etc/fstab'), './etc/fstab'],
    [Buffer.from('Grüße/日本 語'), 'Grüße/日本 語'],
    [Buffer.from('a\tb\nc\rd\\e'), 'a\\tb\\nc\\rd\\\\e'],
    [Buffer.from('\u001b[31mred'), '\\033[31mred'],
    [Buffer.from([0x66, 0xfc, 0x72]), 'f\\374r'],
    [Buffer.from('c1 \u009b and \u202e'), 'c1 \\302\\233 and \\342\\200\\256'],
    [Buffer.from([0xe2, 0x82]), '\\342\\202'],
  ];
  for (const [octets, text] of cases) {
    it(text, () => {
      assert.equal(escapeOctets(octets), text);
      assert.deepEqual(Buffer.from(unescapeOctets(text)), Buffer.from(octets));
    });
  }

  it('any octets come back, and are one line without tabs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
        const text = escapeOctets(octets);
        assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f]/);
        assert.deepEqual(Buffer.from(unescapeOctets(text)), Buffer.from(octets));
      }),
    );
  });
});

const MEMBER: TarMember = {
  offset: 10_240,
  headerBytes: 1536,
  dataBytes: 700,
  end: 12_800,
  path: Buffer.from('./etc/fstab'),
  type: '0',
  size: 700,
  mtime: 1_781_485_200.75,
  mode: 0o644,
  uid: 0,
  gid: 4,
  userName: Buffer.from('root'),
  groupName: new Uint8Array(0),
  linkTarget: new Uint8Array(0),
  device: undefined,
  onlyPaxTells: { size: false, owner: false },
};

const parsed = (text: string): IndexLine | undefined => parseIndexLine(text, INDEX_START);

describe('lines', () => {
  const line = (over: Partial<TarMember>, volume?: number, from = 0, expected = INDEX_START): string =>
    memberLine(indexMember({ ...MEMBER, ...over }, volume, from), expected)
      .slice(0, -1)
      .replaceAll('\t', '|');

  it('a file, in the whole tar and in a volume', () => {
    assert.equal(line({}), '-rw-r--r--|root/4|700|2026-06-15T01:00:00Z|-|10240|2560|./etc/fstab');
    assert.equal(line({}, 3, 10_240), '-rw-r--r--|root/4|700|2026-06-15T01:00:00Z|3|0|2560|./etc/fstab');
  });

  it('numbers that follow from the lines before are dots', () => {
    const plain = { end: MEMBER.offset + 512 + 1024 };
    const behind = { volume: undefined, offset: MEMBER.offset };
    assert.match(line(plain, undefined, 0, behind), /\|-\|\.\|\.\|\.\/etc\/fstab$/);
    assert.match(line(plain, 3, 10_240, { volume: 3, offset: 0 }), /\|3\|\.\|\.\|/);
    assert.match(line({}, 3, 10_240, { volume: 2, offset: 0 }), /\|3\|0\|2560\|/);
    assert.equal(
      parseIndexLine('-rw-r--r--\troot/4\t1\t2026-06-15T01:00:00Z\t3\t.\t.\tx', INDEX_START),
      undefined,
    );
  });

  it('directories, links, devices', () => {
    const path = Buffer.from('./x');
    const linkTarget = Buffer.from('to\there');
    assert.match(line({ type: '5', mode: 0o1777, path }), /^drwxrwxrwt.*\|\.\/x\/$/);
    assert.match(line({ type: '2', mode: 0o777, path, linkTarget }), /^lrwxrwxrwx.*\|\.\/x\|to\\there$/);
    assert.match(line({ type: '1', mode: 0o4711, path, linkTarget }), /^hrws--x--x.*\|\.\/x\|to\\there$/);
    assert.match(line({ type: '3', mode: 0o2640, path, device: [8, 1] }), /^crw-r-S---\|root\/4\|8,1\|/);
  });

  it('come back as they were', () => {
    const octets = fc.uint8Array({ minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        fc.record({
          mtime: fc.integer({ min: -100_000_000_000, max: 1_000_000_000_000 }),
          mode: fc.integer({ min: 0, max: 0o7777 }),
          type: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', 'S', 'D', 'V', 'M', '9'),
          path: octets,
          userName: octets,
          size: fc.nat(),
          end: fc.integer({ min: 10_240, max: 2 ** 50 }),
        }),
        fc.option(fc.nat(), { nil: undefined }),
        fc.record({ volume: fc.option(fc.nat(), { nil: undefined }), offset: fc.constantFrom(0, 9728) }),
        (over, volume, expected) => {
          const isLink = over.type === '1' || over.type === '2';
          const linkTarget = isLink ? Buffer.from('t') : new Uint8Array(0);
          const member: IndexMember = indexMember({ ...MEMBER, ...over, linkTarget }, volume, 512);
          const text = memberLine(member, expected);
          assert.equal(text.indexOf('\n'), text.length - 1);
          const read = parseIndexLine(text.slice(0, -1), expected);
          assert.ok(read?.kind === 'member');
          assert.deepEqual(
            { ...read, path: Buffer.from(read.path), linkTarget: read.linkTarget?.toString() },
            {
              kind: 'member',
              ...member,
              path: Buffer.from(member.path),
              linkTarget: isLink ? 't' : undefined,
            },
          );
        },
      ),
    );
  });

  it('what is not a member', () => {
    assert.deepEqual(parsed(INDEX_HEAD), { kind: 'comment' });
    for (const point of [
      { tarOffset: 5120, volume: 7, streamOffset: 0 },
      { tarOffset: 5120, volume: undefined, streamOffset: 99 },
    ])
      assert.deepEqual(parsed(pointLine(point).slice(0, -1)), { kind: 'point', ...point });
    assert.deepEqual(parsed(damageLine(512, 'no header').slice(0, -1)), {
      kind: 'damage',
      tarOffset: 512,
      reason: 'no header',
    });
    assert.deepEqual(parsed(endLine(3, 10_240).slice(0, -1)), {
      kind: 'end',
      members: 3,
      tarBytes: 10_240,
    });
  });
});

test('what is not a line of an index is reported as such, never thrown', () => {
  for (const text of ['', 'x', '@\t1\t2', '@\t1\t-\t-4', '$\t1', '-rw-r--r--\troot/root\t1', '!\tx\ty'])
    assert.equal(parsed(text), undefined, text);
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 8 }), { maxLength: 11 }), (fields) => {
      parsed(fields.join('\t'));
    }),
  );
});
