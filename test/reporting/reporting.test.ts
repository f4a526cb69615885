import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it, test } from 'node:test';
import type { Clock } from '../../src/clock.js';
import { Failure } from '../../src/errors.js';
import { HISTORY, readHistory, remember } from '../../src/reporting/history.js';
import { runHook } from '../../src/reporting/hooks.js';
import { updateMetrics, writeMetrics } from '../../src/reporting/metrics.js';
import {
  etaMs,
  fittingLine,
  formatDuration,
  progressFields,
  RateMeter,
  storedShare,
  terminalFields,
  type Progress,
} from '../../src/reporting/progress.js';
import { bar, barLine } from '../../src/reporting/bar.js';
import { heartbeatMs, Reporter } from '../../src/reporting/reporter.js';
import { newWork, workFields, type WorkSnapshot } from '../../src/reporting/work.js';
import { summaryLine, type RunSummary } from '../../src/reporting/summary.js';

const MIB = 1024 * 1024;
const progress: Progress = {
  elapsedMs: 60_000,
  readBytes: 300 * MIB,
  expectedBytes: 600 * MIB,
  packedBytes: 150 * MIB,
  confirmedBytes: 100 * MIB,
  skippedBytes: 20 * MIB,
  copiedBytes: 0,
  rate: 2 * MIB,
  limit: 4 * MIB,
  connectionsBusy: 2,
  connectionsAllowed: 3,
  retries: 1,
};
const summary: RunSummary = {
  program: 'backuppc-b2 1.0.0',
  host: 'web.example',
  number: 12,
  state: 'finished',
  reasons: [],
  exitStatus: 0,
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:10:00.000Z',
  seconds: 600,
  tarBytes: 3 * 1024 * MIB,
  storedBytes: 1024 * MIB,
  sentBytes: 1024 * MIB,
  copiedBytes: 0,
  volumes: 2,
  retries: 0,
  loopDelay: { p99Ms: 4.2, maxMs: 17 },
  bucket: 'b',
  manifest: 'web.example.12.tar.COMPLETE',
};

const quarterPastThree: Clock = {
  now: () => new Date(2026, 10, 6, 3, 14, 15).getTime(),
  monotonic: () => 0,
  sleep: () => Promise.resolve(),
};
const TIME = '2026-11-06 03:14:15';

function reporter(
  format: 'text' | 'json' = 'text',
  verbosity: 'quiet' | 'normal' | 'verbose' = 'normal',
  tty = false,
) {
  const out = Object.assign(new PassThrough(), { isTTY: tty, columns: 60 });
  return {
    out,
    text: () => String(out.read() ?? ''),
    it: new Reporter({ format, verbosity, syslog: false, out, clock: quarterPastThree }),
  };
}

describe('progress', () => {
  it('fits the terminal, most important first', () => {
    assert.equal(
      progressFields(progress).join(', '),
      'in B2 120 MiB (40 %), read 300 MiB, 2 MiB/s of 4 MiB/s, 1 m 30 s left, 2/3 connections, 1 retry, compressed to 50 %',
    );
    const fields = terminalFields({ ...progress, rate: 12.5 * MIB });
    assert.equal(
      fields.join(', '),
      '40 %, 12.5 MiB/s, 1 m 30 s left, 1 m 00 s elapsed, in B2 120 MiB, read 300 MiB, limit 4 MiB/s, 2/3 connections, 1 retry, compressed to 50 %',
    );
    assert.equal(fittingLine(fields, 39), '40 %, 12.5 MiB/s, 1 m 30 s left');
    assert.equal(fittingLine(fields, 2), '');
  });
  it('has a bar where there is room for it and the size is known', () => {
    const plain = { blocks: true, colour: false };
    const line = (columns: number, share: number | undefined): string =>
      barLine(share, ['40 %', '12.5 MiB/s', '1 m 30 s left', '1 m 00 s elapsed', 'web #12'], columns, plain);
    assert.equal(
      line(79, 0.4),
      '██████░░░░░░░░░░ 40 %, 12.5 MiB/s, 1 m 30 s left, 1 m 00 s elapsed, web #12',
    );
    assert.equal(line(60, 0.4), '██████░░░░░░░░░░ 40 %, 12.5 MiB/s, 1 m 30 s left');
    assert.equal(line(59, 0.4), '40 %, 12.5 MiB/s, 1 m 30 s left, 1 m 00 s elapsed, web #12');
    assert.equal(line(79, undefined), '40 %, 12.5 MiB/s, 1 m 30 s left, 1 m 00 s elapsed, web #12');
    assert.deepEqual(
      [0, 0.999, 1].map((share) => bar(share, 4, { blocks: false, colour: false })),
      ['....', '###.', '####'],
    );
    assert.equal(bar(0.5, 4, { blocks: true, colour: true }), '\u001b[36m██\u001b[0m\u001b[2m░░\u001b[0m');
  });
  it('shows no remaining time before there is anything to base it on', () => {
    assert.equal(etaMs({ ...progress, expectedBytes: undefined }), undefined);
    assert.equal(etaMs({ ...progress, readBytes: 0 }), undefined);
    assert.equal(etaMs(progress), 90_000);
  });
  it('counts what the store has confirmed, not what has been read', () => {
    const read = { ...progress, readBytes: 600 * MIB, packedBytes: 300 * MIB };
    const shareOf = (confirmed: number, skipped = 0): number | undefined =>
      storedShare({ ...read, confirmedBytes: confirmed * MIB, skippedBytes: skipped * MIB });
    assert.deepEqual(
      [shareOf(0), shareOf(150), shareOf(100, 50), shareOf(299), shareOf(303)],
      [0, 0.5, 0.5, 0.99, 1],
    );
    assert.match(
      progressFields({ ...read, confirmedBytes: 0, skippedBytes: 0 }).join(', '),
      /^in B2 0 B \(0 %\), read 600 MiB, (?!.*left)/,
    );
    assert.equal(storedShare({ ...read, expectedBytes: 300 * MIB, confirmedBytes: 30 * MIB }), 1 / 3);
  });
  it('gives signs of life often at first and rarely in the twentieth hour', () => {
    const minute = 60_000;
    assert.deepEqual(
      [0, 9, 10, 119, 120, 1200].map((m) => heartbeatMs(m * minute) / minute),
      [1, 1, 10, 10, 60, 60],
    );
  });
  it('measures the rate over its window only', () => {
    const meter = new RateMeter(1000);
    assert.equal(meter.sample(0, 0), 0);
    assert.equal(meter.sample(1000, 500), 500);
    assert.equal(meter.sample(2000, 500), 0);
  });
  const restoring: WorkSnapshot = {
    ...newWork({ title: 'web #12', unit: 'bytes', total: 3000 * MIB }),
    done: 1200 * MIB,
    elapsedMs: 7200_000,
    rate: 12.5 * MIB,
  };
  const deleting: WorkSnapshot = { ...restoring, unit: 'objects', done: 12, total: 300, rate: 2.5 };
  const wide = { ...deleting, title: '漢字 #1' };
  const allFields = '40 %, 12.5 MiB/s, 3 h 00 m left, 2 h 00 m elapsed, 1.17 GiB of 2.93 GiB, web #12';
  for (const [what, work, columns, line] of [
    ['all of it', restoring, 99, allFields],
    ['usual', restoring, 79, allFields.replace(', web #12', '')],
    ['narrow', restoring, 39, '40 %, 12.5 MiB/s, 3 h 00 m left'],
    ['too narrow', restoring, 3, ''],
    ['just begun', { ...restoring, done: 0, elapsedMs: 0, rate: 0 }, 39, '0 %, 0 B/s, 0 s elapsed'],
    [
      'of unknown size',
      { ...restoring, total: undefined },
      79,
      '1.17 GiB, 12.5 MiB/s, 2 h 00 m elapsed, web #12',
    ],
    ['more than expected', { ...restoring, done: 3001 * MIB }, 39, '100 %, 12.5 MiB/s, 0 s left'],
    ['almost all', { ...restoring, done: 2999.9 * MIB }, 39, '99 %, 12.5 MiB/s, 0 s left'],
    [
      'half of it by an earlier run',
      { ...restoring, done: 1800 * MIB, earlier: 1500 * MIB },
      39,
      '60 %, 12.5 MiB/s, 8 h 00 m left',
    ],
    ['objects', deleting, 79, '4 %, 2.5/s, 2 d 00 h left, 2 h 00 m elapsed, 12 of 300 objects, web #12'],
    ['many objects', { ...deleting, rate: 120.4 }, 39, '4 %, 120/s, 2 d 00 h left'],
    [
      'a wide title that fits',
      wide,
      71,
      '4 %, 2.5/s, 2 d 00 h left, 2 h 00 m elapsed, 12 of 300 objects, 漢字 #1',
    ],
    [
      'a wide title that does not',
      wide,
      70,
      '4 %, 2.5/s, 2 d 00 h left, 2 h 00 m elapsed, 12 of 300 objects',
    ],
  ] as const)
    it(`of work, ${what}`, () => {
      assert.equal(fittingLine(workFields(work), columns), line);
    });
  it('formats durations', () => {
    assert.deepEqual([0, 59_400, 725_000, 11_220_000, 187_200_000].map(formatDuration), [
      '0 s',
      '59 s',
      '12 m 05 s',
      '3 h 07 m',
      '2 d 04 h',
    ]);
  });
});

describe('reporter', () => {
  it('ends a failure with its reason as the last, clean line', async () => {
    const log = reporter();
    log.it.emit({ type: 'source-message', line: 'odd\tname\r\u001b[2J' });
    await log.it.fail(new Failure('denied', 'B2 refused\r\nthe key', { hint: 'make a new key' }));
    assert.equal(log.text(), `  ${TIME} tar: odd name [2J\nhint: make a new key\nB2 refused the key\n`);
  });
  it('shows reasons even when quiet, details only when verbose', async () => {
    const quiet = reporter('text', 'quiet');
    quiet.it.emit({ type: 'notice', message: 'n' });
    quiet.it.emit({ type: 'warning', message: 'w' });
    await quiet.it.fail(new Failure('source', 'no tar'));
    assert.equal(quiet.text(), `${TIME} warning: w\nno tar\n`);
    const verbose = reporter('text', 'verbose');
    verbose.it.emit({ type: 'detail', message: 'd' });
    assert.equal(verbose.text(), `  ${TIME} d\n`);
  });
  it("begins routine lines with two blanks, so that BackupPC's view of errors shows what went wrong and nothing else", async () => {
    const log = reporter();
    log.it.emit({ type: 'notice', message: 'n' });
    log.it.emit({ type: 'warning', message: 'w' });
    log.it.emit({ type: 'source-message', line: 'Done: 1 files, 2 bytes, 3 dirs, 0 specials, 0 errors' });
    log.it.emit({ type: 'source-message', line: 'Unable to open file /pool/1' });
    await log.it.succeed('web #1: finished');
    const lines = log.text().split('\n');
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('  ')),
      [`${TIME} warning: w`, `${TIME} tar: Unable to open file /pool/1`, 'web #1: finished', ''],
    );
  });
  it('writes one JSON object a line', () => {
    const log = reporter('json');
    log.it.emit({
      type: 'volume-finished',
      volume: 0,
      name: 'h.1.tar.aa.gpg',
      bytes: 2 * MIB,
      parts: 1,
      seconds: 2,
      skipped: false,
    });
    const line = JSON.parse(log.text()) as Record<string, unknown>;
    assert.deepEqual(
      [line['level'], line['message']],
      ['notice', 'volume 1: h.1.tar.aa.gpg: finished, 2 MiB, 2 s, 1 MiB/s'],
    );
  });
  it('keeps the progress line of a terminal below the log and takes it away at the end', async () => {
    const log = reporter('text', 'normal', true);
    log.it.follow(() => progress);
    log.it.emit({ type: 'notice', message: 'hello' });
    await log.it.succeed('done');
    const shown = '40 %, 2 MiB/s, 1 m 30 s left, 1 m 00 s elapsed';
    const clear = '\r\u001b[K';
    assert.equal(log.text(), `${clear}${shown}${clear}hello\n${shown}${clear}done\n${shown}${clear}`);
  });
});

describe('summary, metrics and hooks', () => {
  it('says what was stored', () => {
    assert.equal(
      summaryLine(summary),
      'web.example #12: finished, 1 GiB (of 3 GiB) in 2 volumes, 10 m 00 s, 1.71 MiB/s',
    );
    assert.match(
      summaryLine({ ...summary, state: 'partial', reasons: ['1 error'], sentBytes: MIB }),
      /partial, .*1 MiB of it sent now.*; 1 error$/,
    );
  });
  it('keeps other hosts and the last success of a host that now fails', () => {
    const first = updateMetrics('', summary);
    const second = updateMetrics(first, { ...summary, host: 'other' });
    const third = updateMetrics(second, {
      ...summary,
      state: 'failed',
      exitStatus: 8,
      finishedAt: '2026-01-02T00:00:00.000Z',
    });
    assert.match(third, /backuppc_b2_last_success_timestamp_seconds\{host="web\.example"\} 1767226200\n/);
    assert.match(third, /backuppc_b2_last_run_exit_status\{host="web\.example"\} 8\n/);
    assert.match(third, /backuppc_b2_last_run_exit_status\{host="other"\} 0\n/);
    assert.equal(third.match(/# TYPE/g)?.length, 9);
    assert.equal(third.match(/\{host="web\.example"\}/g)?.length, 9);
  });
  it('replaces the metrics file atomically', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'metrics-'));
    await writeMetrics(join(directory, 'b2.prom'), summary);
    assert.deepEqual(readdirSync(directory), ['b2.prom']);
    assert.match(
      readFileSync(join(directory, 'b2.prom'), 'utf8'),
      /_bytes\{host="web\.example"\} 1073741824/,
    );
    rmSync(directory, { recursive: true });
  });
  it('gives a hook the summary and reports how it failed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hook-'));
    assert.equal(await runHook(`cat > ${directory}/out`, summary), undefined);
    assert.deepEqual(JSON.parse(readFileSync(join(directory, 'out'), 'utf8')), summary);
    assert.equal(await runHook('exit 3', summary), 'hook ended with status 3');
    rmSync(directory, { recursive: true });
  });
});

test(
  'the history of another user is read as far as it is one: no link is followed, no pipe waited for',
  { timeout: 20_000 },
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'history-'));
    t.after(() => {
      rmSync(directory, { recursive: true });
    });
    await remember(directory, { type: 'archive', ...summary });
    assert.equal((await readHistory(directory)).length, 1);
    const path = join(directory, HISTORY);
    renameSync(path, join(directory, 'elsewhere'));
    symlinkSync(join(directory, 'elsewhere'), path);
    assert.deepEqual(await readHistory(directory), []);
    await assert.rejects(remember(directory, { type: 'archive', ...summary }), /symbolic link|ELOOP/);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    assert.deepEqual(await readHistory(directory), []);
    await assert.rejects(
      remember(directory, { type: 'archive', ...summary }),
      /is not a file of the user|ENXIO/,
    );
  },
);
