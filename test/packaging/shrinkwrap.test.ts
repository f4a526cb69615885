// The published package brings its lock file along: whoever installs it gets the modules that were tested.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('the package pins its dependencies', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'pack-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  for (const name of ['package.json', 'package-lock.json', '.gitignore'])
    copyFileSync(join(root, name), join(directory, name));
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: { prepack: string };
  };
  const pin = scripts.prepack.split('&&').at(-1) ?? '';
  assert.equal(spawnSync('sh', ['-c', pin], { cwd: directory }).status, 0);
  const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: directory,
    encoding: 'utf8',
  });
  const [{ files } = { files: [] }] = JSON.parse(packed.stdout) as { files: { path: string }[] }[];
  assert.ok(files.some(({ path }) => path === 'npm-shrinkwrap.json'));
});
