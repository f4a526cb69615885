import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localHosts } from '../../../src/cli/reference/local-hosts.js';

test("hosts to complete: BackupPC's and those archived from here, each once, nothing that a shell would expand or split", async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bb2-hosts-'));
  try {
    for (const name of ['web', 'db.example', 'my host', 'evil\u001b[2J', '$(touch x)', 'a;b'])
      mkdirSync(join(directory, 'pc', name), { recursive: true });
    writeFileSync(join(directory, 'pc', 'file'), '');
    const lines = ['web', 'gone'].map((host) =>
      JSON.stringify({
        type: 'verify',
        host,
        number: 1,
        level: 'deep',
        at: '2026-01-01T00:00:00.000Z',
        problems: [],
      }),
    );
    writeFileSync(join(directory, 'backuppc-b2-history.jsonl'), `${lines.join('\n')}\n`, { mode: 0o600 });
    assert.deepEqual(await localHosts({ backuppc_data: directory }, directory), [
      'db.example',
      'gone',
      'web',
    ]);
    assert.deepEqual(await localHosts({ backuppc_data: '/nowhere' }, '/nowhere'), []);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
