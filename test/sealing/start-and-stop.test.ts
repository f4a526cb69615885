/** An engine that is closed while its threads are still starting, as when a run fails at its very beginning: the process lives on. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const POOL = new URL('../../src/sealing/sealer.js', import.meta.url).href;
// Of the moments when it went wrong (one start in some hundred); in a process of its own, because it ended the process.
const SCRIPT = `
const { createSealer } = await import(${JSON.stringify(POOL)});
for (let i = 0; i < 60; i++) {
  const engine = await createSealer({ workers: 2, profile: 'librepgp', aead: 'ocb', partBytes: 4 * 1024 * 1024, passwords: [Buffer.from('x')], s2kOctets: 1024 });
  const until = performance.now() + 45 + (i % 20) * 2;
  while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
  await engine.close();
}
console.log('whole');
`;

test('closed at any moment of its start', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'whole\n', stderr);
  assert.equal(status, 0, stderr);
});
