import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { immodest } from '../../src/catalog/modest-json.js';

const MIB = 1024 * 1024;

describe('JSON from strangers', () => {
  const sha1 = 'a'.repeat(40);
  const volume = { name: 'w.1.tar/1', fileId: '4_z', bytes: 1, dataBytes: 1, parts: [[1, sha1]] };
  const genuine: [what: string, value: unknown][] = [
    ['a manifest of little', { host: 'web', number: 1, volumes: [] }],
    ['parts', Array.from({ length: 10_000 }, () => [1, sha1])],
    ['volumes of one part, with the shortest names', Array.from({ length: 10_000 }, () => volume)],
    ['digests', Array.from({ length: 10_000 }, () => ['b'.repeat(64), 1_700_000_000_000])],
    ['brackets and quotes in a text', { share: '[[[{{{"\\"'.repeat(10_000) }],
  ];
  for (const [what, value] of genuine)
    it(`takes ${what}`, () => {
      assert.equal(immodest(JSON.stringify(value)), undefined);
    });

  const bombs: [what: string, json: string, problem: string][] = [
    ['empty lists', `[${'[],'.repeat(MIB)}[]]`, 'has too many values for its length'],
    ['empty objects', `[${'{},'.repeat(MIB)}{}]`, 'has too many values for its length'],
    ['digits', `[${'1,'.repeat(MIB)}1]`, 'has too many values for its length'],
    ['depth', '['.repeat(100), 'is nested too deep'],
    ['depth, spread out', `${' '.repeat(100)}[`.repeat(40), 'is nested too deep'],
  ];
  for (const [what, json, problem] of bombs)
    it(`refuses ${what}`, () => {
      assert.equal(immodest(json), problem);
    });
});
