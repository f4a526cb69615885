import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assemble } from '../../src/catalog/assemble.js';
import { placesOf } from '../../src/catalog/volume-places.js';
import type { FileVersion } from '../../src/store.js';

/** @param index as the file info says it */
function version(letter: string, index: string): FileVersion {
  return {
    fileName: `web.1.tar.a${letter}.gpg`,
    fileId: letter,
    action: 'upload',
    contentLength: 1,
    contentSha1: undefined,
    contentType: '',
    fileInfo: {
      ...{ 'bb2-format': '1', 'bb2-host': 'web', 'bb2-number': '1', 'bb2-run': 'r' },
      'bb2-volume': index,
    },
    uploadTimestamp: 0,
    lockedUntil: undefined,
    legalHold: false,
  };
}

const placesIn = (...indexes: readonly string[]): string[] => {
  const versions = indexes.map((index, at) => version('abcdef'[at] ?? '', index));
  const options = { prefix: '', now: 0, isAlive: () => false, activeMs: 0 };
  const { archive } = assemble({ host: 'web', number: 1 }, versions, options);
  assert.ok(archive);
  return placesOf(archive, undefined).map(({ name, volume }) => (volume === undefined ? `no ${name}` : name));
};

it('without a manifest, each gap is reported', () => {
  assert.deepEqual(placesIn('1', '3'), [
    'no volume 1 of web #1',
    'web.1.tar.aa.gpg',
    'no volume 3 of web #1',
    'web.1.tar.ab.gpg',
  ]);
});

it('a number that no archive reaches makes one place, not as many', () => {
  assert.deepEqual(placesIn('0', '99999999999999'), [
    'web.1.tar.aa.gpg',
    'no volumes 2 to 99999999999999 of web #1',
    'web.1.tar.ab.gpg',
  ]);
});
