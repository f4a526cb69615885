import assert from 'node:assert/strict';
import { linkSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { INSTALLATION_FILE, openInstallation } from '../../src/journal/installation.js';

function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'installation-'));
  return use(directory).finally(() => {
    rmSync(directory, { recursive: true });
  });
}

test('runs that start at the same moment are one installation', () =>
  inDirectory(async (directory) => {
    const opened = await Promise.all(Array.from({ length: 8 }, () => openInstallation(directory)));
    assert.equal(new Set(opened.map(({ id, secret }) => `${id} ${secret}`)).size, 1);
    assert.deepEqual(await openInstallation(directory), opened[0]);
    assert.deepEqual(readdirSync(directory), [INSTALLATION_FILE]);
  }));

test('a run that was killed between linking and removing its temporary file blocks nobody', () =>
  inDirectory(async (directory) => {
    const made = await openInstallation(directory);
    const path = join(directory, INSTALLATION_FILE);
    linkSync(path, `${path}.0123456789abcdef.tmp`);
    assert.deepEqual(await openInstallation(directory), made);
    assert.deepEqual(readdirSync(directory), [INSTALLATION_FILE]);
  }));
