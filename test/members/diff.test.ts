import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changesBetween } from '../../src/members/diff.js';
import type { IndexMember } from '../../src/members/index-text.js';

const member = (path: string, over: Partial<IndexMember> = {}): IndexMember => ({
  mode: '-rw-r--r--',
  owner: 'root/root',
  size: 5,
  mtime: 1000,
  volume: undefined,
  offset: 0,
  bytes: 1024,
  path: Buffer.from(path),
  linkTarget: undefined,
  ...over,
});

// eslint-disable-next-line @typescript-eslint/require-await -- as the index comes
async function* each(members: readonly IndexMember[]): AsyncGenerator<IndexMember, void> {
  yield* members;
}

const told = async (older: readonly IndexMember[], newer: readonly IndexMember[]): Promise<string[]> =>
  (await changesBetween(each(older), each(newer))).map(
    ({ kind, path }) => `${kind} ${Buffer.from(path).toString()}`,
  );

test('added, removed, modified, attributes; where a member lies does not count', async () => {
  const older = [
    member('./', { mode: 'drwxr-xr-x', mtime: 1 }),
    member('./gone'),
    member('./same', { offset: 512 }),
    member('./grown'),
    member('./touched'),
    member('./mode'),
    member('./link', { mode: 'lrwxrwxrwx', linkTarget: Buffer.from('a') }),
  ];
  const newer = [
    member('./', { mode: 'drwxr-xr-x', mtime: 2 }),
    member('./new'),
    member('./same', { offset: 9999, volume: 3 }),
    member('./grown', { size: 6 }),
    member('./touched', { mtime: 1001 }),
    member('./mode', { mode: '-rw-------' }),
    member('./link', { mode: 'lrwxrwxrwx', linkTarget: Buffer.from('b') }),
  ];
  assert.deepEqual(await told(older, newer), [
    '- ./gone',
    'M ./grown',
    'M ./link',
    'm ./mode',
    '+ ./new',
    'M ./touched',
  ]);
});

test('in any order, against the plain sets', async () => {
  const paths = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(paths, paths, async (a, b) => {
      const expected = [
        ...a.filter((path) => !b.includes(path)).map((path) => `- ${path}`),
        ...b.filter((path) => !a.includes(path)).map((path) => `+ ${path}`),
      ].sort((x, y) => (x.slice(2) < y.slice(2) ? -1 : 1));
      assert.deepEqual(
        await told(
          a.map((path) => member(path)),
          b.map((path) => member(path)),
        ),
        expected,
      );
    }),
  );
});
