import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../src/nearest.js';

test('a misspelt word finds the intended one, and nonsense finds none', () => {
  const known = ['list', 'delete', 'restore', 'verify', 'bench', 'man'];
  const rows: [word: string, meant: string | undefined][] = [
    ['lst', 'list'],
    ['lsit', 'list'],
    ['delte', 'delete'],
    ['restroe', 'restore'],
    ['veryfi', 'verify'],
    ['frobnicate', undefined],
    ['', undefined],
    ['man', 'man'],
  ];
  for (const [word, meant] of rows) assert.equal(nearest(word, known), meant, word);
});
