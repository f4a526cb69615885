import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import type { TarMember } from '../../src/tar/member.js';
import { TarReader } from '../../src/tar/reader.js';
import { listed, makeTar, tree, withTree, type Entry } from './gnu-tar.js';

function members(
  tar: Uint8Array,
  sizes: readonly number[] = [65_536],
): { found: TarMember[]; reader: TarReader } {
  const reader = new TarReader();
  const found: TarMember[] = [];
  for (let at = 0, i = 0; at < tar.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    found.push(...reader.push(tar.subarray(at, at + size)));
    at += size;
  }
  return { found, reader };
}

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');

/** As `--quoting-style=escape` does in the C locale. */
function escaped(octets: Uint8Array): string {
  const letters: Readonly<Record<number, string>> = {
    7: 'a',
    8: 'b',
    9: 't',
    10: 'n',
    11: 'v',
    12: 'f',
    13: 'r',
    92: '\\',
  };
  return Array.from(octets, (octet) => {
    const letter = letters[octet];
    if (letter !== undefined) return `\\${letter}`;
    return octet < 32 || octet >= 127
      ? `\\${octet.toString(8).padStart(3, '0')}`
      : String.fromCharCode(octet);
  }).join('');
}

const shown = ({ path, type }: TarMember): string =>
  escaped(path) + (type === '5' && path.at(-1) !== 0x2f ? '/' : '');

const FORMATS = [
  ['--format=gnu'],
  ['--format=gnu', '-S'],
  ['--format=pax'],
  ['--format=pax', '-S', '--sparse-version=0.0'],
  ['--format=pax', '-S', '--sparse-version=0.1'],
  ['--format=pax', '-S', '--sparse-version=1.0'],
  ['--format=pax', '--pax-option=globexthdr.name=global,comment=of all'],
  ['--format=ustar'],
  ['--format=v7'],
  ['--format=gnu', '-V', 'a label'],
] as const;

process.env['LC_ALL'] = 'C';

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

describe('the members of what GNU tar writes', () => {
  for (const words of FORMATS) {
    it(words.join(' '), () => {
      fc.assert(
        fc.property(
          tree,
          fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 }),
          (entries, sizes) => {
            withTree(entries, (parent) => {
              // v7 and ustar cannot hold everything: GNU tar says so, and its status is 2.
              const tar = attempt(() => makeTar(parent, words));
              fc.pre(tar !== undefined);
              const { found, reader } = members(tar, sizes);
              assert.equal(reader.outcome.kind, 'whole');
              const paths = listed(tar);
              assert.deepEqual(
                found.filter(({ type }) => type !== 'V').map(shown),
                paths.filter((path) => path !== 'a label'),
              );
              // One behind the other, without gaps.
              assert.deepEqual(
                found.map(({ offset }) => offset),
                [0, ...found.slice(0, -1).map(({ end }) => end)],
              );
              // Each a tar by itself, without the global header, where there is one: tar needs none. One tar lists them all.
              const alone = found.filter(({ type }) => type !== 'V');
              const tars = alone.flatMap(({ offset, end }) => [
                tar.subarray(offset, end),
                Buffer.alloc(1024),
              ]);
              assert.deepEqual(listed(Buffer.concat(tars), ['--ignore-zeros']), alone.map(shown));
            });
          },
        ),
        { numRuns: 8 },
      );
    });
  }
});

const SAMPLE: Entry[] = [
  { name: Buffer.from('dir'), depth: 0, node: { kind: 'directory' } },
  { name: Buffer.from('n'.repeat(200)), depth: 1, node: { kind: 'file', bytes: 1000, mtime: 1_700_000_000 } },
  { name: Buffer.from('hard'), depth: 0, node: { kind: 'hard' } },
  { name: Buffer.from('soft'), depth: 0, node: { kind: 'soft', target: Buffer.from('t'.repeat(150)) } },
  {
    name: Buffer.from('sparse'),
    depth: 0,
    node: { kind: 'sparse', bytes: 1_000_000, islands: Array.from({ length: 40 }, (_, i) => 6 * i) },
  },
];

test('however the bytes are cut, one at a time too', () => {
  for (const words of [
    ['--format=gnu', '-S'],
    ['--format=pax', '-S'],
  ]) {
    const tar = withTree(SAMPLE, (parent) => makeTar(parent, words));
    const whole = members(tar).found;
    assert.equal(whole.length, 6);
    assert.deepEqual(members(tar, [1]).found, whole);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        assert.deepEqual(members(tar, sizes).found, whole);
      }),
    );
  }
});

test('what is settled holds every member that has been returned, and no other begins before it', () => {
  const tar = withTree(SAMPLE, (parent) => makeTar(parent, ['--format=gnu', '-S']));
  const offsets = members(tar).found.map(({ offset }) => offset);
  const reader = new TarReader();
  let seen = 0;
  for (let at = 0; at < tar.length; at++) {
    seen += reader.push(tar.subarray(at, at + 1)).length;
    assert.equal(offsets.filter((offset) => offset < reader.settled).length, seen);
    assert.ok(reader.bytes - reader.settled <= 8 * 1024);
  }
});

test('the facts agree with the tree', () => {
  for (const words of [
    ['--format=gnu', '-S'],
    ['--format=pax', '-S'],
  ]) {
    const tar = withTree(SAMPLE, (parent) =>
      makeTar(parent, [...words, '--sort=name', '--owner=ann:1234567', '--group=staff:5', '--mode=0640']),
    );
    const byName = new Map(
      members(tar).found.map((member) => [latin1(member.path).split('/').at(-1)?.slice(0, 6) ?? '', member]),
    );
    const file = byName.get('1nnnnn');
    assert.ok(file);
    assert.deepEqual(
      [
        file.type,
        file.size,
        file.dataBytes,
        file.mtime,
        file.mode,
        file.uid,
        file.gid,
        latin1(file.userName),
        latin1(file.groupName),
      ],
      ['0', 1000, 1000, 1_700_000_000, 0o640, 1_234_567, 5, 'ann', 'staff'],
    );
    const hard = byName.get('2hard');
    assert.deepEqual([hard?.type, latin1(hard?.linkTarget ?? new Uint8Array())], ['1', latin1(file.path)]);
    const soft = byName.get('3soft');
    assert.deepEqual(
      [soft?.type, latin1(soft?.linkTarget ?? new Uint8Array()), soft?.dataBytes],
      ['2', 't'.repeat(150), 0],
    );
    const sparse = byName.get('4spars');
    assert.equal(sparse?.size, 1_000_000);
    assert.ok(sparse.dataBytes < 300_000);
  }
});

test('directories with their list, as tar -g writes them', () => {
  const parent = mkdtempSync(join(tmpdir(), 'tar-reader-'));
  try {
    mkdirSync(join(parent, 'root', 'sub'), { recursive: true });
    for (let i = 0; i < 80; i++) writeFileSync(join(parent, 'root', 'sub', `a-name-of-some-length-${i}`), '');
    const tar = makeTar(parent, ['-g', join(parent, 'snapshot')]);
    const { found, reader } = members(tar, [700]);
    assert.equal(reader.outcome.kind, 'whole');
    assert.deepEqual(
      found.map(({ path }) => latin1(path)),
      listed(tar),
    );
    assert.deepEqual(
      found.slice(0, 2).map(({ type }) => type),
      ['D', 'D'],
    );
    assert.ok(found.some(({ dataBytes }) => dataBytes > 1000));
  } finally {
    rmSync(parent, { recursive: true });
  }
});

test('a member continued from another tape', () => {
  const parent = mkdtempSync(join(tmpdir(), 'tar-reader-'));
  try {
    mkdirSync(join(parent, 'root'));
    writeFileSync(join(parent, 'root', 'big'), 'x'.repeat(60_000));
    execFileSync('sh', [
      '-c',
      'cd "$1" && tar -c -M -L 20 -f one -f two -f three -f four -f five root',
      'sh',
      parent,
    ]);
    const second = execFileSync('cat', [join(parent, 'two')]);
    const { found } = members(second, [1]);
    assert.equal(found[0]?.type, 'M');
    assert.equal(latin1(found[0].path), 'root/big');
    assert.ok(found[0].dataBytes > 15_000);
  } finally {
    rmSync(parent, { recursive: true });
  }
});

test('sizes over 8 GiB: base-256 and pax', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tar-reader-'));
  try {
    const file = join(directory, 'huge');
    writeFileSync(file, '');
    truncateSync(file, 9 * 2 ** 30);
    for (const format of ['gnu', 'pax']) {
      const head = execFileSync('sh', [
        '-c',
        `tar --format=${format} -C ${directory} -cf - huge | head -c 4096`,
      ]);
      const { found, reader } = members(head);
      assert.equal(found[0]?.size, 9 * 2 ** 30, format);
      assert.equal(reader.outcome.kind, 'cut');
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('what is not a tar is reported as such', () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['text', Buffer.from('-- PostgreSQL database dump\n'.repeat(100)), /this is not a tar/],
    ['random', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 251)), /this is not a tar/],
  ];
  for (const [name, bytes, reason] of cases) {
    it(name, () => {
      const { found, reader } = members(bytes, [100]);
      assert.deepEqual(found, []);
      assert.equal(reader.bytes, bytes.length);
      assert.equal(reader.settled, bytes.length);
      assert.ok(reader.outcome.kind === 'damaged');
      assert.match(reader.outcome.reason, reason);
      assert.equal(reader.outcome.at, 0);
    });
  }

  it('damage further on: the members before it are found, and its place is reported', () => {
    const tar = withTree(SAMPLE, (parent) => makeTar(parent, ['--format=gnu']));
    const { found: all } = members(tar);
    const third = all[2];
    assert.ok(third);
    tar[third.offset + 20] = 0xff;
    const { found, reader } = members(tar, [999]);
    assert.deepEqual(found, all.slice(0, 2));
    assert.ok(reader.outcome.kind === 'damaged');
    assert.equal(reader.outcome.at, third.offset);
    assert.equal(reader.settled, tar.length);
  });

  it('never throws, whatever the input, however it was changed', () => {
    const tar = withTree(SAMPLE, (parent) => makeTar(parent, ['--format=pax', '-S']));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5000 }),
        (changes, size) => {
          const copy = Buffer.from(tar);
          for (const [at, octet] of changes) copy[at] = octet;
          const { found, reader } = members(copy, [size]);
          assert.ok(reader.settled <= reader.bytes);
          for (const { offset, headerBytes, dataBytes, end } of found)
            assert.ok(offset >= 0 && headerBytes >= 512 && end >= offset + headerBytes + dataBytes);
        },
      ),
    );
  });
});
