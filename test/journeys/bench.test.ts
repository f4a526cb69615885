/** `backuppc-b2 bench` as a user runs it, with cases so short that their figures mean nothing. */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'smol-toml';
import { readConfig } from '../../src/config/read-config.js';
import { EXIT_STATUS } from '../../src/errors.js';
import { BUCKET, Journey, type Ended } from './harness.js';

const QUICK = ['bench', '--seconds-per-case', '0.02', '--codec', 'gzip:1'];
const ONE_PROFILE = ['--profile', 'librepgp'];
/** Slower than any machine that runs this. */
const SLOW_LINE = ['--line', '80kbit'];

let journey: Journey;
let sample: string;
before(async () => {
  journey = await Journey.begin({ data: 'drop' });
  sample = journey.write('sample', 'some text to measure with\n'.repeat(50_000));
});
after(() => journey.end());

const runAll = (words: readonly string[], extra: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  journey.start('backuppc-b2', [...QUICK, ...words], { TMPDIR: scratch(), ...extra }).ended;
/** With one profile, and a small sample of our own. */
const run = (words: readonly string[], extra: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  runAll([...ONE_PROFILE, '--sample', sample, ...words], extra);

const settings = (path: string): Record<string, unknown> => ({ ...parse(readFileSync(path, 'utf8')) });

function scratch(): string {
  return journey.directory;
}

const ours = (): readonly string[] =>
  ['--endpoint', journey.server.url, '--bucket', BUCKET, '--prefix', 'of/us/'] as const;

describe('bench on this machine', () => {
  it('needs no account, prints tables and settings, leaves nothing behind', async () => {
    const { status, output } = await runAll([]);
    assert.equal(status, EXIT_STATUS.ok, output);
    for (const profile of ['librepgp', 'rfc4880', 'rfc9580 ocb', 'rfc9580 gcm'])
      assert.match(output, new RegExp(`^${profile} +1 +[0-9.]+ +[0-9.]+ MiB$`, 'm'));
    // With all workers it is always measured; with fewer only where that was not too slow.
    assert.match(output, /^gzip:1 +\d+ +[0-9.]+ +[0-9.]+ % /m);
    assert.match(
      output,
      /^gzip:1 +1 +[0-9.]+ +[0-9.]+ % |^compression gzip:1, 1 worker: slow even with more workers$/m,
    );
    assert.match(output, /^(Reading|The CPU) limits this machine/m);
    assert.match(output, /^workers = \d+\nmemory = "\d+M"$/m);
    assert.doesNotMatch(output, /^compress = /m);
    assert.deepEqual(
      readdirSync(scratch()).filter((name) => name.startsWith('backuppc-b2-bench')),
      [],
    );
  });

  it('--json: rates, memory, estimates for the archive that is asked for', async () => {
    const words = ['--json', ...SLOW_LINE, '--archive-size', '1T', '--price-per-tb', '10'];
    const { status, output } = await run(words);
    assert.equal(status, EXIT_STATUS.ok, output);
    const report = JSON.parse(output) as {
      sealing: { bytesPerSecond: number; peakBytes: number }[];
      compression: { codec: string; share: number }[];
      lineBytesPerSecond: number;
      estimates: { ways: { codec: string; seconds: number; storedBytes: number; perMonth: number }[] };
      limit: string;
      settings: Record<string, unknown>;
    };
    assert.ok(report.sealing.every((one) => one.bytesPerSecond > 1e6 && one.peakBytes > 30e6));
    assert.equal(report.lineBytesPerSecond, 10_000);
    assert.equal(report.limit, 'line');
    assert.equal(report.settings['compress'], 'gzip:1');
    const plain = report.estimates.ways.find(({ codec }) => codec === 'none');
    assert.equal(plain?.storedBytes, 2 ** 40);
    assert.ok(Math.abs(plain.seconds - 2 ** 40 / 1e4) < 1);
    assert.equal(plain.perMonth.toFixed(2), '11.00');
  });

  it('mistakes', async () => {
    for (const [words, reason] of [
      [['--codec', 'gzip:77'], /gzip has no level 77/],
      [['--codec', 'frob'], /there is no such codec/],
      [['--profile', 'pgp2'], /choose from librepgp, rfc4880, rfc9580/i],
      [['--sample', '/nonexistent'], /--sample \/nonexistent/],
      [['--line', 'fast'], /not a rate/],
      [['--force'], /--force goes with --write/],
    ] as const) {
      const { status, output } = await runAll(words);
      assert.equal(status, EXIT_STATUS.usage, output);
      assert.match(output, reason);
    }
  });

  it('SIGINT ends it at once, and the sample is removed', async () => {
    const running = journey.start('backuppc-b2', ['bench', '--seconds-per-case', '30'], {
      TMPDIR: scratch(),
    });
    await running.until(() => readdirSync(scratch()).some((name) => name.startsWith('backuppc-b2-bench')));
    running.kill('SIGINT');
    const { status, lastLine } = await running.ended;
    assert.equal(status, EXIT_STATUS.interrupted);
    assert.match(lastLine, /stopped by SIGINT/);
    assert.deepEqual(
      readdirSync(scratch()).filter((name) => name.startsWith('backuppc-b2-bench')),
      [],
    );
  });
});

describe('bench --upload', () => {
  const left = (): string[] =>
    journey.server
      .bucket(BUCKET)
      .versions()
      .map(({ fileName }) => fileName);

  it('measures the line within its bytes, and the bucket is as it was', async () => {
    journey.server.clearLog();
    const { status, output } = await run(['--upload', '--upload-bytes', '12M', ...ours()]);
    assert.equal(status, EXIT_STATUS.ok, output);
    assert.match(
      output,
      /^Round trip [0-9.]+ ms, authorization and bucket [0-9.]+ ms, a small call [0-9.]+ ms/m,
    );
    assert.match(output, /^ +1 +[0-9.]+ [KM]iB +[0-9.]+ +[0-9.]+$/m);
    assert.match(output, /^connections = \d+$/m);
    const sent = journey.server.parts.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    assert.ok(sent > 500_000 && sent <= 12 * 2 ** 20, String(sent));
    assert.deepEqual(left(), []);
    assert.deepEqual(journey.server.defects, []);
  });

  it('a failure in the middle leaves nothing either', async () => {
    const planted = journey.server.faults.add('upload_part=cap@3');
    const { status, output } = await run(['--upload', '--upload-bytes', '12M', ...ours()]);
    journey.server.faults.clear();
    assert.equal(status, EXIT_STATUS.cap, output);
    assert.equal(planted.fired, 1);
    assert.deepEqual(left(), []);
  });

  it('nor does SIGINT', async () => {
    const words = [...QUICK, ...ONE_PROFILE, '--upload', '--upload-bytes', '1G', ...ours()];
    journey.server.clearLog();
    const line = journey.server.faults.hold({ on: 'upload_part', from: 2 });
    const running = journey.start('backuppc-b2', words, { TMPDIR: scratch() });
    await running.until(() => journey.server.faults.unfired.length === 0);
    assert.ok(left().every((name) => name.startsWith('of/us/backuppc-b2-bench-')) && left().length > 0);
    running.kill('SIGINT');
    const { status, output } = await running.ended;
    line.release();
    assert.equal(status, EXIT_STATUS.interrupted, output);
    assert.deepEqual(left(), []);
  });
});

describe('bench --write', () => {
  it('makes a file that the program reads', async () => {
    const file = join(scratch(), 'fresh.toml');
    const { status, output } = await run([...SLOW_LINE, '--write', file]);
    assert.equal(status, EXIT_STATUS.ok, output);
    assert.equal(statSync(file).mode & 0o777, 0o644);
    const config = readConfig({ file, environment: {}, flags: {} });
    assert.deepEqual([...config.given].sort(), ['compress', 'memory', 'workers']);
    assert.equal(config.compress, 'gzip:1');
  });

  it('into the file that is configured: comments, mode and a link stay', async () => {
    const theirs = '# ours\nbucket = "b" # Amsterdam\nquiet = false\n';
    const file = journey.write('existing.toml', theirs, 0o640);
    const link = join(scratch(), 'link.toml');
    symlinkSync(file, link);
    const { status, output } = await run(['--write'], { BACKUPPC_B2_CONFIG: link });
    assert.equal(status, EXIT_STATUS.ok, output);
    assert.ok(readFileSync(file, 'utf8').startsWith(theirs));
    assert.equal(statSync(file).mode & 0o777, 0o640);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.deepEqual(Object.keys(settings(file)).sort(), ['bucket', 'memory', 'quiet', 'workers']);
    // Its own section it may replace.
    assert.equal((await run(['--write'], { BACKUPPC_B2_CONFIG: link })).status, EXIT_STATUS.ok);
    assert.equal(readFileSync(file, 'utf8').match(/>>>/g)?.length, 1);
  });

  it('never over what was set by hand, unless told to', async () => {
    const theirs = 'workers = 77 # a big machine\ncompress = "gzip:1"\n';
    const file = journey.write('by-hand.toml', theirs);
    const refused = await run([...SLOW_LINE, '--write', file], { BACKUPPC_B2_CONFIG: file });
    assert.equal(refused.status, EXIT_STATUS.config, refused.output);
    assert.match(refused.lastLine, /workers = 77 \(measured: \d+\): set by hand, so nothing was written/);
    assert.equal(readFileSync(file, 'utf8'), theirs);
    const forced = await run([...SLOW_LINE, '--write', file, '--force'], { BACKUPPC_B2_CONFIG: file });
    assert.equal(forced.status, EXIT_STATUS.ok, forced.output);
    assert.match(readFileSync(file, 'utf8'), /^# replaced by bench: workers = 77 # a big machine$/m);
    assert.notEqual(settings(file)['workers'], 77);
    assert.equal(settings(file)['compress'], 'gzip:1');
  });

  it('a directory that is not there', async () => {
    const { status, lastLine } = await run(['--write', join(scratch(), 'no/such/file.toml')]);
    assert.equal(status, EXIT_STATUS.config);
    assert.match(lastLine, /cannot write .*file\.toml: ENOENT/);
  });
});
