import assert from 'node:assert/strict';
import test from 'node:test';
import { atOneLevel, cannotBeUndone, codecOf, codecText } from '../../src/compression/codec-choice.js';
import { CODEC_ROWS, codecNamed } from '../../src/compression/codecs.js';
import { planCompression } from '../../src/compression/memory.js';
import { Failure } from '../../src/errors.js';

/** [$compression, $compext, --compress] → [kind, name, level, extension] */
const TABLE: readonly (readonly [
  readonly [string, string, string?],
  readonly [string, string, number | null, string],
])[] = [
  [
    ['', ''],
    ['none', 'none', null, ''],
  ],
  [
    ['', '.raw'],
    ['none', 'none', null, ''],
  ],
  [
    ['/bin/cat', '.raw'],
    ['none', 'none', null, ''],
  ],
  [
    ['cat', '.gz'],
    ['none', 'none', null, ''],
  ],
  [
    ['/bin/gzip', '.gz'],
    ['listed', 'gzip', 6, '.gz'],
  ],
  [
    ['/usr/bin/pigz', '.gz'],
    ['listed', 'gzip', 6, '.gz'],
  ],
  [
    ['/usr/bin/gzip', ''],
    ['listed', 'gzip', 6, '.gz'],
  ],
  [
    ['/usr/bin/gzip', '.raw'],
    ['listed', 'gzip', 6, '.gz'],
  ],
  [
    ['/usr/bin/gzip -9', '.gz'],
    ['listed', 'gzip', 9, '.gz'],
  ],
  [
    ['/bin/bzip2', '.bz2'],
    ['listed', 'bzip2', 9, '.bz2'],
  ],
  [
    ['/usr/bin/pbzip2', '.bz2'],
    ['listed', 'bzip2', 9, '.bz2'],
  ],
  [
    ['/usr/bin/zstd', '.zst'],
    ['listed', 'zstd', 3, '.zst'],
  ],
  [
    ['/usr/bin/zstd', '.zstd'],
    ['listed', 'zstd', 3, '.zstd'],
  ],
  [
    ['/usr/bin/xz', '.gz'],
    ['listed', 'xz', 6, '.xz'],
  ],
  [
    ['/usr/bin/lz4', ''],
    ['listed', 'lz4', 1, '.lz4'],
  ],
  [
    ['/opt/my tools/gzip', '.gz'],
    ['listed', 'gzip', 6, '.gz'],
  ],
  [
    ['/usr/local/bin/slowgzip', '.gz'],
    ['external', 'gzip', null, '.gz'],
  ],
  [
    ['ionice -c3 zstd -3', '.zst'],
    ['external', 'zstd', null, '.zst'],
  ],
  [
    ['nice -n 19 bzip2', ''],
    ['external', 'bzip2', null, '.bz2'],
  ],
  [
    ['/opt/squeeze', '.lz'],
    ['external', 'lzip', null, '.lz'],
  ],
  [
    ['/opt/squeeze', '.sq'],
    ['external', 'squeeze', null, '.sq'],
  ],
  [
    ['/usr/bin/lzop', '.lzo'],
    ['external', 'lzop', null, '.lzo'],
  ],
  [
    ['/usr/bin/lzop -9', '.raw'],
    ['external', 'lzop', null, ''],
  ],
  [
    ['/usr/bin/zstd --long=27 -T0', ''],
    ['external', 'zstd', null, '.zst'],
  ],
  [
    ['/bin/gzip', '.gz', 'zstd:19'],
    ['listed', 'zstd', 19, '.zst'],
  ],
  [
    ['/bin/gzip', '.gz', 'gzip:1'],
    ['listed', 'gzip', 1, '.gz'],
  ],
  [
    ['/bin/gzip', '.gz', 'none'],
    ['none', 'none', null, ''],
  ],
  [
    ['/usr/bin/lzop', '.lzo', 'xz:0'],
    ['listed', 'xz', 0, '.xz'],
  ],
];

for (const [[compPath, compExt, override], [kind, name, level, extension]] of TABLE) {
  test(`compression '${compPath}', compext '${compExt}', --compress ${override ?? '(none)'}: ${name}`, () => {
    const choice = codecOf({ compPath, compExt, override });
    assert.deepEqual(
      [choice.kind, choice.name, choice.level, choice.extension],
      [kind, name, level, extension],
    );
  });
}

test('auto: the level of gzip or zstd follows the line, whichever BackupPC has; zstd where it has neither', () => {
  const auto = (compPath: string, compExt: string, override = 'auto') => {
    const choice = codecOf({ compPath, compExt, override });
    const one = atOneLevel(choice);
    return [codecText(choice), choice.extension, codecText(one)];
  };
  assert.deepEqual(auto('/bin/gzip', '.gz'), ['gzip:auto', '.gz', 'gzip:6']);
  assert.deepEqual(auto('/usr/bin/zstd', '.zst'), ['zstd:auto', '.zst', 'zstd:3']);
  assert.deepEqual(auto('/bin/bzip2', '.bz2'), ['zstd:auto', '.zst', 'zstd:3']);
  assert.deepEqual(auto('/bin/cat', '.raw'), ['zstd:auto', '.zst', 'zstd:3']);
  assert.deepEqual(auto('/bin/gzip', '.gz', 'zstd:auto'), ['zstd:auto', '.zst', 'zstd:3']);
  assert.deepEqual(auto('/usr/bin/zstd', '.zst', 'gzip:auto'), ['gzip:auto', '.gz', 'gzip:6']);
  assert.throws(
    () => codecOf({ compPath: '', compExt: '', override: 'xz:auto' }),
    (error) =>
      error instanceof Failure &&
      error.kind === 'usage' &&
      error.hint === '--compress gzip:auto or zstd:auto',
  );
});

test('what nothing here can undo is reported', () => {
  const doubt = (compPath: string, compExt: string) =>
    cannotBeUndone(codecOf({ compPath, compExt, override: undefined }));
  assert.match(doubt('/opt/squeeze', '.sq') ?? '', /no known program decompresses squeeze: restore -o FILE/);
  for (const [path, extension] of [
    ['', ''],
    ['gzip', '.gz'],
    ['/opt/squeeze', '.gz'],
    ['lzop', '.lzo'],
    ['nice cat', '.raw'],
  ] as const)
    assert.equal(doubt(path, extension), undefined, path);
});

test('an external program is run as it was given', () => {
  const choice = codecOf({ compPath: ' /usr/bin/zstd --long=27  -T0', compExt: '', override: undefined });
  assert.deepEqual(choice.kind === 'external' && choice.words, ['/usr/bin/zstd', '--long=27', '-T0']);
});

for (const row of CODEC_ROWS) {
  if (row.levels === undefined) continue;
  const { name, levels } = row;
  test(`${name}: levels outside of ${levels.min} to ${levels.max} are refused with the range`, () => {
    for (const level of [levels.min - 1, levels.max + 1, 'fast', '', '3.5', '1:2', '0x1', ' 1']) {
      assert.throws(
        () => codecOf({ compPath: '', compExt: '', override: `${name}:${level}` }),
        (error) =>
          error instanceof Failure &&
          error.kind === 'usage' &&
          `${error.message} ${error.hint ?? ''}`.includes(name) &&
          new RegExp(`${levels.min} to ${levels.max}|\\[:${levels.min}-${levels.max}\\]`).test(
            `${error.message} ${error.hint ?? ''}`,
          ),
      );
    }
    for (const level of [levels.min, levels.max]) {
      assert.equal(codecOf({ compPath: '', compExt: '', override: `${name}:${level}` }).level, level);
    }
  });
}

test('a level out of range given to the program in $compression is refused too', () => {
  assert.throws(
    () => codecOf({ compPath: '/bin/gzip -0', compExt: '.gz', override: undefined }),
    /gzip has no level 0: levels are 1 to 9/,
  );
});

test('codecs that do not exist, and a level where there are none', () => {
  for (const override of ['', 'rar', 'GZIP', 'none:1', '/bin/gzip']) {
    assert.throws(() => codecOf({ compPath: '', compExt: '', override }), Failure, override);
  }
});

test('rows are found by name and by extension, and no two share either', () => {
  for (const row of CODEC_ROWS) {
    assert.equal(codecNamed(row.name), row);
    for (const extension of row.extensions)
      assert.deepEqual(
        CODEC_ROWS.filter(({ extensions }) => extensions.includes(extension)),
        [row],
      );
  }
});

test('memory: nothing without chunks; every level of every codec fits what its window is worth', () => {
  assert.equal(planCompression(codecOf({ compPath: '', compExt: '', override: undefined }), 2).bytes, 0);
  for (const { name, levels } of CODEC_ROWS) {
    if (levels === undefined) continue;
    for (let level = levels.min; level <= levels.max; level++) {
      const choice = codecOf({ compPath: '', compExt: '', override: `${name}:${level}` });
      const { window, threads, bytes } = planCompression(choice, 2);
      assert.ok(window === 0 ? threads <= 2 : window >= 3);
      assert.ok(bytes > 0 && bytes < 52 * 1024 * 1024, `${name}:${level}`);
    }
  }
});

test('memory: with a small budget, fewer chunks exist at once, but never fewer than two', () => {
  const MIB = 1024 * 1024;
  const xz = codecOf({ compPath: '', compExt: '', override: 'xz' });
  for (const [available, window] of [
    [1024, 9],
    [52, 3],
    [40, 2],
    [16, 2],
  ] as const) {
    assert.equal(planCompression(xz, 8, available * MIB).window, window, `${available} MiB`);
  }
  const gzip = codecOf({ compPath: '', compExt: '', override: 'gzip' });
  assert.equal(planCompression(gzip, 8, 80 * MIB).window, 17);
});
