/** Two tars of a host, compared member by member, and what that says of the volumes that were sent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareTars, membersOf, type TarMembers } from '../../bench/tar-members.js';
import { whySent } from '../../bench/why-sent.js';
import { BLOCK_BYTES } from '../../src/tar/header.js';

interface Entry {
  readonly path: string;
  readonly data?: string;
  readonly mode?: number;
  readonly mtime?: number;
  /** Names, in the order of the pax records. */
  readonly attributes?: readonly string[];
}

function blocks(name: string, type: string, data: string, { mode = 0o644, mtime = 1e9 } = {}): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(value.toString(8).padStart(digits, '0'), at);
  };
  header.write(name, 0);
  octal(mode, 100, 7);
  octal(data.length, 124, 11);
  octal(mtime, 136, 11);
  header.write(' '.repeat(8), 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  octal(
    header.reduce((sum, octet) => sum + octet, 0),
    148,
    6,
  );
  return Buffer.concat([header, Buffer.from(data), Buffer.alloc(-data.length & (BLOCK_BYTES - 1))]);
}

/** @param sliceBytes as the tar arrives */
function tarOf(entries: readonly Entry[], sliceBytes = 65_536): Promise<TarMembers> {
  const members = entries.map(({ path, data = '', attributes = [], ...more }) => {
    const records = attributes.map((name) => `34 SCHILY.xattr.user.${name}=some value\n`).join('');
    const pax = records === '' ? [] : [blocks('pax', 'x', records)];
    return Buffer.concat([...pax, blocks(path, path.endsWith('/') ? '5' : '0', data, more)]);
  });
  const tar = Buffer.concat([...members, Buffer.alloc(2 * BLOCK_BYTES)]);
  async function* slices(): AsyncGenerator<Buffer> {
    for (let from = 0; from < tar.length; from += sliceBytes)
      yield await Promise.resolve(tar.subarray(from, from + sliceBytes));
  }
  return membersOf(slices());
}

const BEFORE: readonly Entry[] = [
  { path: './' },
  { path: './a', data: 'a'.repeat(3000) },
  { path: './b', data: 'b', attributes: ['a', 'b'] },
  { path: './d/' },
  { path: './d/c' },
];
const changing = (path: string, change: Partial<Entry>): Entry[] =>
  BEFORE.map((entry) => (entry.path === path ? { ...entry, ...change } : entry));

describe('two tars', () => {
  it('are the same, however they arrive', async () => {
    const { same, common, sameOrder, differences, changedBytes } = compareTars(
      await tarOf(BEFORE),
      await tarOf(BEFORE, 99),
    );
    assert.deepEqual([same, common, sameOrder, differences, changedBytes], [5, 5, true, [], 0]);
  });

  it('have the same members in another order', async () => {
    assert.equal(compareTars(await tarOf(BEFORE), await tarOf([...BEFORE].reverse())).sameOrder, false);
  });

  for (const [path, change, what] of [
    ['./a', { data: 'other data' }, 'data'],
    ['./a', { mode: 0o600 }, 'mode or owner'],
    ['./d/', { mtime: 2e9 }, 'time'],
    ['./b', { attributes: ['b', 'a'] }, 'order of pax records'],
    ['./b', { attributes: ['a', 'c'] }, 'extended attributes'],
  ] as const)
    it(`differ in ${what}`, async () => {
      const { differences } = compareTars(await tarOf(BEFORE), await tarOf(changing(path, change)));
      assert.deepEqual(differences, [{ path, what }]);
    });
});

it('volumes are sent for the most telling of their members', async () => {
  const before = await tarOf(BEFORE);
  const after = await tarOf([
    { path: './', mtime: 2e9 },
    { path: './a', data: 'other data' },
    { path: './b', data: 'b', attributes: ['b', 'a'] },
    { path: './d/', mtime: 2e9 },
    { path: './d/c' },
    { path: './new', data: '0123456789' },
  ]);
  const comparison = compareTars(before, after);
  assert.equal(comparison.changedBytes, 20);
  const changed = new Set(['.', './a', './d']);
  // The data of ./a fill volume 2, too; 5 has ./d/c alone.
  const volumes = { volumeOf: [0, 1, 3, 4, 5, 6], sent: new Set([0, 1, 2, 3, 4, 5, 6]) };
  assert.deepEqual(whySent(before, after, comparison, changed, volumes), {
    'data of files': 2,
    'new files': 1,
    'only headers of changed files': 0,
    'only times of directories': 2,
    'only what BackupPC tells otherwise': 1,
    'the same members, cut otherwise': 1,
  });
  assert.throws(() => whySent(before, after, comparison, changed, { ...volumes, volumeOf: [0] }));
});
