/** The night's work of the Debian package: each step by itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const NIGHTLY = fileURLToPath(new URL('../../../src/packaging/deb/nightly.sh', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'bb2-nightly-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** @param ends status of each command of the companion; others end with 0 */
function night(
  settings: string,
  ends: Readonly<Record<string, number>>,
): { status: number | null; steps: string[] } {
  const log = join(scratch, 'log');
  writeFileSync(log, '');
  const stub = (name: string, key: string): string => {
    const cases = Object.entries(ends).map(([command, status]) => `${command}) exit ${status} ;;`);
    const path = join(scratch, name);
    writeFileSync(
      path,
      `#!/bin/sh\necho "${name} $*" >>'${log}'\ncase ${key} in\n${cases.join('\n')}\nesac\n`,
      { mode: 0o755 },
    );
    return path;
  };
  stub('backuppc-b2', '$1');
  const start = stub('archiveStart', 'start');
  const file = join(scratch, 'settings');
  writeFileSync(file, settings);
  const { status } = spawnSync('sh', [NIGHTLY, file], {
    env: { PATH: `${scratch}:/bin:/usr/bin`, BACKUPPC_ARCHIVE_START: start },
  });
  return { status, steps: readFileSync(log, 'utf8').trimEnd().split('\n') };
}

const SETTINGS = "hosts='web db'\ndelete='--age 60 --keep 2'\ncleanup='--older-than 7'\nscripts=/srv\n";
const STEPS = [
  'backuppc-b2 delete --age 60 --keep 2 --yes',
  'backuppc-b2 cleanup --older-than 7 --yes',
  'backuppc-b2 list',
  'backuppc-b2 script --host web --no-token --output /srv/restore-web.sh',
  'backuppc-b2 script --host db --no-token --output /srv/restore-db.sh',
  'archiveStart archiveb2 backuppc web db',
];

for (const [ends, status] of [
  [{}, 0],
  [{ delete: 14 }, 14],
  [{ delete: 14, cleanup: 8 }, 8],
  [{ delete: 8, script: 14 }, 8],
  [{ start: 1 }, 1],
] as const) {
  test(`the archive is started whatever ended before it: ${JSON.stringify(ends)}`, () => {
    assert.deepEqual(night(SETTINGS, ends), { status, steps: STEPS });
  });
}

test('without hosts nothing is archived, with empty flags nothing is removed', () => {
  assert.deepEqual(night('', {}), { status: 0, steps: ['backuppc-b2 list'] });
});
