import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { oneLine, printable, printableJson } from '../src/printable.js';

const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
/** Texts full of what matters here. */
const nasty = fc
  .array(
    fc.oneof(fc.constantFrom('\u001b[2J', '\u009b31m', '\u202e', '\u0085', '\r', '\t', ' '), fc.string()),
  )
  .map((parts) => parts.join(''));

test('nothing that a terminal obeys gets through, nor do C1 controls and changes of direction', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      assert.doesNotMatch(printable(text), UNPRINTABLE);
      assert.doesNotMatch(oneLine(text), UNPRINTABLE);
      assert.equal(printable(text).length, text.length);
      assert.doesNotMatch(printableJson({ [text]: [text] }), UNPRINTABLE);
    }),
  );
});

test('JSON keeps its value', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      assert.deepEqual(JSON.parse(printableJson({ text, list: [text, 1, null] })), {
        text,
        list: [text, 1, null],
      });
    }),
  );
  assert.equal(printableJson({ a: '\u009b' }), '{"a":"\\u009b"}');
  assert.equal(printableJson([1], 2), '[\n  1\n]');
  assert.equal(printableJson(undefined), 'null');
});

test('one line', () => {
  assert.equal(oneLine(' a\r\n\tb  c\u0085'), 'a b c');
});
