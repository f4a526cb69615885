/** The floors of the house and the doors of foreign packages: `.dependency-cruiser.mjs` says what they are. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('imports only go down, nothing goes in circles, every package comes in by its door, every file is used', () => {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'floors'], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
});
