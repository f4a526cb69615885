import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesakes } from '../../src/catalog/namesakes.js';
import { addArchive, memoryStore } from '../cli/memory-store.js';

test('archives of other hosts that a token for this one opens are named', async () => {
  const store = memoryStore();
  for (const [host, number] of [
    ['web', 1],
    ['web', 10],
    ['web.1.tar.x', 5],
    ['web.1.tarpit', 2],
    ['web.1', 1],
    ['db', 1],
  ] as const)
    addArchive(store, { host, number, ageDays: 1, prefix: 'p/' });
  const of = (host: string, number: number): Promise<string[]> =>
    namesakes(store, { prefix: 'p/', host, number });
  assert.deepEqual(await of('web', 1), ['web.1.tar.x', 'web.1.tarpit']);
  assert.deepEqual(await of('web', 10), []);
  assert.deepEqual(await of('db', 1), []);
});
