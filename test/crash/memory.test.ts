/**
 * Memory does not grow with the stream: 20 GiB through the program as BackupPC starts it, to a server that drops what it gets. Where the
 * kernel lets us (root, cgroups), it ends what takes more; the resident memory is looked at everywhere.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { limitedRun } from '../../bench/limited-run.js';
import { makeSource, quartersOf } from '../../bench/suites/memory.js';

const MIB = 1024 * 1024;
const GIB_OF_TAR = 20;
const LIMIT = 192 * MIB;
/** What is recorded of 4096 parts, and the noise. */
const GROWTH = 16 * MIB;

test(`${GIB_OF_TAR} GiB in constant memory`, async () => {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'crash-memory-'));
  try {
    const flags = ['--workers', '2', '--s2k-bytes', '1024'];
    const { samples, limited } = await limitedRun(
      makeSource(directory, GIB_OF_TAR),
      { memoryBytes: LIMIT },
      flags,
    );
    if (!limited) process.stderr.write('no control groups here: resident memory is measured, not limited\n');
    const peaks = quartersOf(samples).map((quarter) => Math.max(...quarter));
    const shown = peaks.map((bytes) => `${Math.round(bytes / MIB)} MiB`).join(', ');
    assert.ok(Math.max(...peaks) < LIMIT, shown);
    assert.ok((peaks.at(-1) ?? NaN) - (peaks[0] ?? NaN) < GROWTH, shown);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
