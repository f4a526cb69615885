/** What `logger` gets, util-linux's and busybox's alike. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { syslogSink } from '../../src/reporting/sinks.js';
import { skipWithout } from '../support/debian.js';

test('one logger for each level, with options that both know', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bb2-syslog-'));
  const path = process.env['PATH'];
  try {
    const log = join(directory, 'log');
    const stub = `#!/bin/sh\nwhile IFS= read -r line; do echo "$* $line" >>'${log}'; done\n`;
    writeFileSync(join(directory, 'logger'), stub, { mode: 0o755 });
    process.env['PATH'] = `${directory}:${path ?? ''}`;
    const sink = syslogSink('backuppc-b2');
    for (const [level, text] of [
      ['notice', 'web #1: begun'],
      ['error', 'it failed'],
      ['notice', 'ended'],
    ] as const)
      sink.line({ level, text });
    await sink.close();
    const tag = `-t backuppc-b2[${process.pid}] -p local6`;
    assert.deepEqual(
      readFileSync(log, 'utf8').trim().split('\n').sort(),
      [`${tag}.err it failed`, `${tag}.notice ended`, `${tag}.notice web #1: begun`].sort(),
    );
  } finally {
    process.env['PATH'] = path;
    rmSync(directory, { recursive: true });
  }
});

test("busybox's takes them", { skip: skipWithout('busybox') }, () => {
  const words = ['logger', '-t', 'backuppc-b2[1]', '-p', 'local6.debug'];
  const { status, stderr } = spawnSync('busybox', words, { input: 'a line\n', encoding: 'utf8' });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
});
