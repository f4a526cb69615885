import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configurationReference } from '../../../src/cli/reference/configuration-reference.js';
import { SETTING_NAMES } from '../../../src/config/schema.js';

it('docs/configuration.md is what the program prints', () => {
  const path = fileURLToPath(new URL('../../../../docs/configuration.md', import.meta.url));
  const text = readFileSync(path, 'utf8');
  assert.equal(
    text,
    configurationReference(),
    'run: dist/bin/backuppc-b2 configuration > docs/configuration.md',
  );
  for (const name of SETTING_NAMES) assert.ok(text.includes(`| \`${name}\` |`), name);
});
