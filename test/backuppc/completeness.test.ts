import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeSource, type SourceEnd, type SourceVerdict } from '../../src/backuppc/completeness.js';
import { parseDoneLine, usefulLine } from '../../src/backuppc/done-line.js';
import { incompleteBecause } from '../../src/backuppc/records.js';
import type { TarEnd } from '../../src/backuppc/tar-end.js';

const DONE = 'Done: 2083 files, 325058560 bytes, 402 dirs, 16 specials, 0 errors';
const WHOLE: TarEnd = { bytes: 325_058_560, empty: false, problem: undefined };
const EMPTY: TarEnd = { bytes: 10_240, empty: true, problem: undefined };
const NOTHING: TarEnd = { bytes: 0, empty: true, problem: 'nothing' };
const CUT: TarEnd = {
  bytes: 5_000,
  empty: false,
  problem: 'the tar ends without end-of-archive blocks after 5000 bytes',
};

function tarCreate(messages: string[], status: number | null = 0, signal: string | null = null): SourceEnd {
  const done = messages.map(parseDoneLine).find((line) => line !== undefined);
  return { kind: 'tar-create', name: 'tarCreate', status, signal, messages, done };
}

/** The first line an operator sees. */
function headline(verdict: SourceVerdict): string {
  switch (verdict.state) {
    case 'complete':
      return 'complete';
    case 'partial':
      return `partial: ${verdict.reasons.join(' | ')}`;
    case 'failed':
      return `failed: ${verdict.reason}`;
  }
}

test('the summary line', () => {
  assert.deepEqual(parseDoneLine(DONE), {
    files: 2083,
    bytes: 325_058_560,
    directories: 402,
    specials: 16,
    errors: 0,
  });
  assert.equal(parseDoneLine('Done: 1 files, 1.5e+15 bytes, 0 dirs, 0 specials, 2 errors')?.bytes, 1.5e15);
  assert.equal(parseDoneLine('Not Done: 1 files'), undefined);
  assert.equal(parseDoneLine(`${DONE} more`), undefined);
});

test('the useful line is not always the last', () => {
  const table: [lines: string[], useful: string | undefined][] = [
    [
      ['fail: hostMutex: unknown host X', ' (use -m option to force running)'],
      'fail: hostMutex: unknown host X',
    ],
    [
      ["fail: can't run BackupPC_tarCreate while BackupPC_dump is running (use -m option to force running)"],
      "fail: can't run BackupPC_tarCreate while BackupPC_dump is running",
    ],
    [
      [
        'BackupPC_tarCreate: Wrong user: my userid is 0, instead of 104(backuppc)',
        'Please su backuppc first',
        'BackupPC::Lib->new failed',
      ],
      'BackupPC_tarCreate: Wrong user: my userid is 0, instead of 104(backuppc)',
    ],
    [
      ['starting', 'Unable to open file /pool/1', 'Unable to open file /pool/2', DONE],
      'Unable to open file /pool/1',
    ],
    [['one', 'two', ''], 'two'],
    [[' (use -m option to force running)'], undefined],
    [[DONE], DONE],
    [['', ' '], undefined],
    [[], undefined],
  ];
  for (const [lines, useful] of table) assert.equal(usefulLine(lines), useful, JSON.stringify(lines));
});

test('what tarCreate did, and what it means', () => {
  const table: [name: string, end: SourceEnd, tar: TarEnd, expected: string][] = [
    ['whole', tarCreate([DONE]), WHOLE, 'complete'],
    [
      'unknown host',
      tarCreate(['fail: hostMutex: unknown host X', ' (use -m option to force running)'], 1),
      NOTHING,
      'failed: tarCreate exited with status 1: fail: hostMutex: unknown host X',
    ],
    [
      'no such backup',
      tarCreate(['tc: bad backup number 9 for host X'], 1),
      NOTHING,
      'failed: tarCreate exited with status 1: tc: bad backup number 9 for host X',
    ],
    [
      'unknown share',
      tarCreate(["tc: bad share or directory 'x/.'"], 1),
      EMPTY,
      "failed: tarCreate exited with status 1: tc: bad share or directory 'x/.'",
    ],
    [
      "backup's directory gone",
      tarCreate(['Done: 0 files, 0 bytes, 0 dirs, 0 specials, 0 errors']),
      EMPTY,
      'failed: tarCreate wrote an empty tar: 0 files',
    ],
    [
      'filled base gone',
      tarCreate(['Done: 0 files, 0 bytes, 1 dirs, 0 specials, 0 errors']),
      { ...WHOLE, bytes: 10_240 },
      'partial: tarCreate counted 0 files',
    ],
    [
      'pool file missing',
      tarCreate(['Unable to open file /pool/ab', 'Done: 7 files, 9 bytes, 1 dirs, 0 specials, 1 errors']),
      WHOLE,
      'partial: tarCreate counted 1 error: Unable to open file /pool/ab',
    ],
    [
      'killed half-way',
      tarCreate([], null, 'SIGKILL'),
      CUT,
      'partial: tarCreate was killed by SIGKILL | the tar ends without end-of-archive blocks after 5000 bytes | tarCreate did not print its "Done:" line',
    ],
    [
      'ends quietly half-way',
      tarCreate(['Out of memory!']),
      CUT,
      'partial: the tar ends without end-of-archive blocks after 5000 bytes | tarCreate did not print its "Done:" line (last message: Out of memory!)',
    ],
    ['no summary', tarCreate([]), WHOLE, 'partial: tarCreate did not print its "Done:" line'],
    ['silent, nothing', tarCreate([]), NOTHING, 'failed: tarCreate wrote nothing'],
    [
      'dies at once',
      tarCreate(["Can't locate BackupPC/Lib.pm"], 2),
      NOTHING,
      "failed: tarCreate exited with status 2: Can't locate BackupPC/Lib.pm",
    ],
    ['other output', { ...tarCreate([]), kind: 'command', name: 'pg_dump' }, CUT, 'complete'],
    [
      'command fails',
      { ...tarCreate(['connected', 'error: lost'], 1), kind: 'command', name: 'pg_dump' },
      CUT,
      'partial: pg_dump exited with status 1: error: lost',
    ],
    [
      'command writes nothing',
      { ...tarCreate([]), kind: 'command', name: 'true' },
      NOTHING,
      'failed: true wrote nothing',
    ],
    ['standard input', { ...tarCreate([], null), kind: 'stdin', name: 'standard input' }, CUT, 'complete'],
    [
      'empty standard input',
      { ...tarCreate([], null), kind: 'stdin', name: 'standard input' },
      NOTHING,
      'failed: standard input wrote nothing',
    ],
  ];
  for (const [name, end, tar, expected] of table)
    assert.equal(headline(judgeSource(end, tar)), expected, name);
});

test('known messages come with advice', () => {
  const running = judgeSource(
    tarCreate(["fail: can't run BackupPC_tarCreate while BackupPC_dump is running"], 1),
    NOTHING,
  );
  assert.ok(running.state === 'failed');
  assert.match(running.hint ?? '', /archive again/);
});

test("fewer files than BackupPC recorded is worth a warning; the two programs' counting differs a little", () => {
  const warnings = (files: number): number => {
    const verdict = judgeSource(tarCreate([DONE]), WHOLE, { files });
    assert.ok(verdict.state === 'complete');
    return verdict.warnings.length;
  };
  assert.equal(warnings(2103), 0);
  assert.equal(warnings(4000), 1);
});

test('no files at all: links and empty folders are a backup, lost files are not', () => {
  const said = (files: number, directories: number, specials: number): SourceEnd =>
    tarCreate([`Done: ${files} files, 0 bytes, ${directories} dirs, ${specials} specials, 0 errors`]);
  const table: [
    name: string,
    end: SourceEnd,
    hardLinks: number,
    recorded: number | undefined,
    state: string,
  ][] = [
    ['links only', said(0, 2, 5), 0, 5, 'complete'],
    ['links only, no record', said(0, 1, 5), 0, undefined, 'complete'],
    ['empty folders, recorded', said(0, 1, 0), 0, 0, 'complete'],
    ['empty folders, no record', said(0, 3, 0), 0, undefined, 'complete'],
    ['a directory where files were recorded', said(0, 9, 0), 0, 2103, 'partial'],
    ['the directory of the share alone, no record', said(0, 1, 0), 0, undefined, 'partial'],
    ['hard links count', said(4, 1, 0), 1, 5, 'complete'],
    ['mostly hard links', said(1, 1, 0), 9, 10, 'complete'],
  ];
  for (const [name, end, hardLinks, files, state] of table) {
    const verdict = judgeSource(end, { ...WHOLE, hardLinks }, { files });
    assert.equal(verdict.state, state, name);
    if (verdict.state === 'complete' && files !== undefined) assert.deepEqual(verdict.warnings, [], name);
  }
  const lost = judgeSource(said(0, 9, 0), WHOLE, { files: 2103 });
  assert.equal(
    headline(lost),
    'partial: tarCreate counted 0 files where BackupPC recorded 2103 files for this backup',
  );
});

test('a backup that BackupPC itself aborted is partial, whatever tarCreate says', () => {
  const incomplete = incompleteBecause({
    number: 7,
    type: 'partial',
    files: 2083,
    bytes: 1,
    endedAt: undefined,
  });
  const verdict = judgeSource(tarCreate([DONE]), WHOLE, { files: 2083, incomplete });
  assert.equal(headline(verdict), "partial: BackupPC's backup 7 is of type partial: it was broken off");
  for (const type of ['full', 'incr'])
    assert.equal(incompleteBecause({ number: 7, type, files: 1, bytes: 1, endedAt: undefined }), undefined);
});
