import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openUploadLimit } from '../../../src/cli/run/upload-limit.js';
import { systemClock } from '../../../src/clock.js';
import { readConfig } from '../../../src/config/read-config.js';
import { Failure } from '../../../src/errors.js';
import type { RunEvent } from '../../../src/events.js';
import { describe as inWords } from '../../../src/reporting/describe.js';

describe('the line of a run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'line-'));
  const file = join(folder, 'limit');
  after(() => {
    rmSync(folder, { recursive: true });
  });

  async function open(flags: Readonly<Record<string, string>>): Promise<{ rate?: number; told: string[] }> {
    const told: string[] = [];
    const emit = (event: RunEvent) => told.push(inWords(event).text);
    const config = readConfig({ environment: {}, flags: { endpoint: 'http://127.0.0.1:9', ...flags } });
    const limiter = await openUploadLimit({ config, clock: systemClock, emit });
    const { rate } = limiter;
    // The first look at the file.
    while (flags['bwlimit_file'] !== undefined && told.length < 2) await new Promise(setImmediate);
    limiter.close();
    return { ...(rate !== undefined && { rate }), told };
  }

  it('says when, how much in bits and in bytes, and why', async () => {
    const { rate, told } = await open({ bwlimit: '8Mbit' });
    assert.equal(rate, 1e6);
    assert.match(
      told[0] ?? '',
      /^upload limit from \d\d:\d\d:\d\d on 977 KiB\/s \(8 Mbit\/s\): as configured$/,
    );
  });

  it('begins with --bwlimit where the file is wrong, and says so', async () => {
    writeFileSync(file, '12 parsecs\n');
    const { rate, told } = await open({ bwlimit: '8Mbit', bwlimit_file: file });
    assert.equal(rate, 1e6);
    assert.match(told[1] ?? '', /unknown unit "parsecs"; the limit stays as it is/);
  });

  it('is refused if the file is wrong and there is nothing else', async () => {
    writeFileSync(file, '12 parsecs\n');
    await assert.rejects(
      open({ bwlimit_file: file }),
      (error) => error instanceof Failure && error.kind === 'config' && error.message.includes(file),
    );
  });
});
