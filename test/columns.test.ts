import assert from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '../src/cli/format.js';
import { columnsOf, padded } from '../src/columns.js';

test('columns: wide characters take two; combining marks and ASCII take what they should', () => {
  assert.equal(columnsOf('web'), 3);
  assert.equal(columnsOf('日本'), 4);
  assert.equal(columnsOf('mu\u0308nchen'), 7);
  assert.equal(padded('日本', 6, 'left'), '日本  ');
  assert.equal(padded('日本', 6, 'right'), '  日本');
  assert.equal(padded('longer', 3, 'left'), 'longer');
});

test('a table whose columns line up, whatever the names', () => {
  const lines = table(
    [
      ['HOST', 'left'],
      ['#', 'right'],
    ],
    [
      ['日本', '1'],
      ['münchen', '12'],
    ],
  ).split('\n');
  assert.deepEqual(lines, ['HOST      #', '日本      1', 'münchen  12', '']);
});
