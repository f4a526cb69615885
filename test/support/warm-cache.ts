/**
 * Fills V8's cache beside a bundle: `node warm-cache.js`, with BACKUPPC_B2_BIN. What a first start leaves there is what `--version` compiles;
 * behind runs that do something, it holds most of the program, and the thousand starts of the tests compile it no more.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Journey } from '../journeys/harness.js';

const KEEP_CACHE = fileURLToPath(new URL('../../../test/support/keep-cache.cjs', import.meta.url));
const environment = { NODE_OPTIONS: `--require=${JSON.stringify(KEEP_CACHE)}` };

const journey = await Journey.begin();
const tree = join(journey.directory, 'tree');
mkdirSync(tree);
writeFileSync(join(tree, 'file'), 'some text to compress\n'.repeat(10_000));

const archived = (host: string, ...flags: readonly string[]) =>
  journey.archiveHost([...flags, ...journey.positionals(journey.tarOf(tree), { host })], environment).ended;
const asked = (command: string, ...words: readonly string[]) =>
  journey.companion([command, '--host', 'reused', ...words], undefined, environment);

for (const run of [
  () => archived('plain'),
  () => archived('reused', '--reuse', '--compress', 'gzip'),
  () => asked('restore', '-C', join(journey.directory, 'back')),
  () => asked('verify', '--deep'),
  () => asked('list'),
  () => asked('script', '--output', join(journey.directory, 'restore.sh')),
]) {
  const { status, output } = await run();
  assert.equal(status, 0, output);
}
await journey.end();
