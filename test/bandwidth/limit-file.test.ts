import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Failure } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';
import { formatLimit } from '../../src/bandwidth/limit.js';
import { parseLimitFile, readLimitFile, watchLimitFile } from '../../src/bandwidth/limit-file.js';
import { FakeClock } from './fake-clock.js';

describe('the limit file', () => {
  const accepted: [string, string][] = [
    ['512', '62.5 KiB/s (512 kbit/s)'],
    ['512\n', '62.5 KiB/s (512 kbit/s)'],
    ['\r\n 8Mbit \r\n', '977 KiB/s (8 Mbit/s)'],
    ['# by day\noff\n', 'unlimited'],
    ['Mon-Fri 08:00,512  # office\n23:00,off\n', 'Mon-Fri 08:00 62.5 KiB/s (512 kbit/s), 23:00 unlimited'],
    ['auto:256-6000', 'auto between 31.3 KiB/s (256 kbit/s) and 732 KiB/s (6 Mbit/s)'],
  ];
  for (const [text, limit] of accepted) {
    it(`${JSON.stringify(text)} means ${limit}`, () => {
      assert.equal(formatLimit(parseLimitFile(text)), limit);
    });
  }

  for (const text of [
    '',
    '\n',
    '# nothing\n',
    '0',
    '-5',
    'fast',
    '1M 2M',
    'x'.repeat(100_000),
    '\u0000\u0000',
  ]) {
    it(`${JSON.stringify(text.slice(0, 20))} is refused`, () => {
      assert.throws(() => parseLimitFile(text), Failure);
    });
  }

  it('is named, with what is wrong, when it cannot be used', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limit-file-'));
    try {
      const path = join(folder, 'limit');
      await assert.rejects(
        readLimitFile(path),
        (error) => error instanceof Failure && error.kind === 'config' && error.message.includes(path),
      );
      await writeFile(path, '0');
      await assert.rejects(
        readLimitFile(path),
        (error) => error instanceof Failure && /zero/.test(error.message) && error.hint !== undefined,
      );
      await writeFile(path, '64');
      assert.deepEqual(await readLimitFile(path), { kind: 'fixed', rate: 8000 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is read again when it changes; a wrong or missing one leaves the limit alone and is reported once', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const heard: string[] = [];
    const emit = (event: RunEvent) => {
      if (event.type === 'warning') heard.push(event.message);
    };
    let content: string | undefined = '64';
    const watching = watchLimitFile('/x/limit', {
      clock,
      emit,
      signal: stop.signal,
      onChange: (spec, reason) => heard.push(`${formatLimit(spec)} ${reason}`),
      read: () =>
        content === undefined ? Promise.reject(new Error('ENOENT: no such file')) : Promise.resolve(content),
    });
    for (const next of ['64', '128', undefined, undefined, 'wrong', 'wrong', '128', '128']) {
      await clock.advance(1000);
      content = next;
    }
    await clock.advance(1000);
    stop.abort();
    await watching;
    assert.deepEqual(heard, [
      '7.81 KiB/s (64 kbit/s) from /x/limit',
      '15.6 KiB/s (128 kbit/s) from /x/limit',
      'bandwidth limit file /x/limit: ENOENT: no such file; the limit stays as it is',
      'bandwidth limit file /x/limit: bandwidth limit "wrong": not a rate; the limit stays as it is',
      '15.6 KiB/s (128 kbit/s) from /x/limit',
    ]);
    assert.equal(clock.sleepers, 0);
  });
});
