/** What an archive's mark says of its settings: sizes that follow the machine, and what compresses, are none of them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { settingsMark } from '../../src/journal/installation.js';
import { COMPRESSED_BY, type ShapingOptions } from '../../src/journal/records.js';

const installation = { id: '0'.repeat(16), secret: '1'.repeat(64) };
const keys = { passphrases: ['secret'], recipients: [] };
const options: ShapingOptions = { compression: 'gzip:6', 'part size': 5_242_880, share: '*' };

test('another program that makes the same format leaves the mark as it is, another level does not', async () => {
  const mark = (more: ShapingOptions) => settingsMark(installation, { ...options, ...more }, keys);
  const plain = await mark({});
  assert.deepEqual(await mark({ [COMPRESSED_BY]: 'libdeflate-gzip' }), plain);
  assert.deepEqual(await mark({ 'part size': 6_291_456 }), plain);
  assert.notDeepEqual(await mark({ compression: 'gzip:9' }), plain);
  assert.notDeepEqual(await mark({ share: '/home' }), plain);
});
