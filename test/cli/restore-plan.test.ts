import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '../../src/catalog/manifest.js';
import { toFetch } from '../../src/cli/restore-plan.js';

const volume = (dataBytes: number, ...parts: readonly number[]): Manifest['volumes'][number] => ({
  name: 'v',
  fileId: 'id',
  dataBytes,
  bytes: parts.reduce((sum, bytes) => sum + bytes, 0),
  parts: parts.map((bytes) => [bytes, ''] as const),
});

test('what stretches of the data take to fetch: small volumes whole, of large ones the parts', () => {
  const volumes = [volume(100, 110), volume(100, 110), volume(300, 110, 110, 110)];
  for (const [stretches, expected] of [
    [[], { volumes: 0, bytes: 0, exact: true }],
    [[{ from: 0, to: 1 }], { volumes: 1, bytes: 110, exact: true }],
    [[{ from: 99, to: 101 }], { volumes: 2, bytes: 220, exact: true }],
    [
      [
        { from: 10, to: 20 },
        { from: 30, to: 100 },
      ],
      { volumes: 1, bytes: 110, exact: true },
    ],
    [[{ from: 310, to: 320 }], { volumes: 1, bytes: 110, exact: false }],
    [[{ from: 290, to: 310 }], { volumes: 1, bytes: 220, exact: false }],
    [[{ from: 0, to: 500 }], { volumes: 3, bytes: 550, exact: false }],
  ] as const)
    assert.deepEqual(toFetch({ volumes }, stretches), expected, JSON.stringify(stretches));
});
