/** Which program compresses: the best one that is installed, or the one that an earlier run used. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { codecOf, methodOf } from '../../src/compression/codec-choice.js';
import { asBefore, installed, withQuickest } from '../../src/compression/quickest.js';

const LIBDEFLATE = 'libdeflate-gzip';

function choose(override: string, ...there: readonly string[]): string | undefined {
  const codec = withQuickest(codecOf({ compPath: '', compExt: '', override }), (name) =>
    there.includes(name),
  );
  return codec.kind === 'listed' ? codec.program : undefined;
}

test('the best program that is installed and serves the level', () => {
  assert.equal(choose('gzip:6'), undefined);
  assert.equal(choose('gzip:6', LIBDEFLATE, 'igzip'), LIBDEFLATE);
  assert.equal(choose('gzip:1', LIBDEFLATE, 'igzip'), 'igzip');
  assert.equal(choose('gzip:1', LIBDEFLATE), LIBDEFLATE);
  assert.equal(choose('gzip:2', 'igzip'), undefined);
  assert.equal(choose('zstd:3', LIBDEFLATE, 'igzip'), undefined);
  assert.equal(choose('none', LIBDEFLATE), undefined);
});

test('a rerun compresses as the run before it, as long as that program is there', () => {
  const gzip = codecOf({ compPath: '', compExt: '', override: 'gzip:6' });
  const before = (recorded: string | undefined, there: readonly string[]): string | undefined => {
    const codec = asBefore(gzip, recorded, (name) => there.includes(name));
    return codec.kind === 'listed' ? codec.program : undefined;
  };
  assert.equal(before(undefined, [LIBDEFLATE]), undefined);
  assert.equal(before(LIBDEFLATE, [LIBDEFLATE, 'igzip']), LIBDEFLATE);
  assert.equal(before(LIBDEFLATE, []), undefined);
  assert.equal(before('sh', ['sh']), undefined, 'only programs of the table');
});

test('levels are passed on to the program', () => {
  const codec = withQuickest(codecOf({ compPath: '', compExt: '', override: 'gzip:9' }), () => true);
  assert.ok(codec.kind === 'listed');
  const method = methodOf(codec);
  assert.ok(method.kind === 'program');
  assert.deepEqual([method.program, ...method.words(9)], [LIBDEFLATE, '-9', '-c']);
});

test('a program counts as installed where PATH has an executable file of its name', () => {
  const directory = mkdtempSync(join(tmpdir(), 'test-quickest-'));
  try {
    writeFileSync(join(directory, 'yes'), '');
    chmodSync(join(directory, 'yes'), 0o755);
    writeFileSync(join(directory, 'plain'), '');
    mkdirSync(join(directory, 'folder'));
    const path = `/nowhere:${directory}`;
    assert.deepEqual(
      ['yes', 'plain', 'folder', 'missing'].map((name) => installed(name, path)),
      [true, false, false, false],
    );
    assert.equal(installed('yes', ''), false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
