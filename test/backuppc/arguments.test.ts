import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments, splitSizeBytes } from '../../src/backuppc/arguments.js';
import { Failure } from '../../src/errors.js';

const TAR_CREATE = '/usr/share/backuppc/bin/BackupPC_tarCreate';
const rules = { isExecutable: (path: string) => path === TAR_CREATE };

/** What BackupPC_archiveStart passes on Debian 12, without par2 and without compression. */
const STOCK = [
  TAR_CREATE,
  '/usr/bin/split',
  '',
  'testhost',
  '3',
  '/bin/cat',
  '',
  '0000000',
  '/var/archive',
  '0',
  '*',
];

function withArgument(index: number, text: string): string[] {
  return STOCK.with(index, text);
}

test('split sizes as the web form and BackupPC_archiveStart make them', () => {
  const table: [text: string, bytes: number | undefined][] = [
    ['0000000', 0],
    ['000000', 0],
    ['', 0],
    ['500000000', 500_000_000],
    ['0500000000', 500_000_000],
    ['0.5000000', 500_000],
    ['.5000000', 500_000],
    ['1.25000000', 1_250_000],
    ['4.7000000', 4_700_000],
    ['2.000000', 2_000_000],
    ['1234567890.1', 1_234_567_890],
    ['500000', 500_000],
    ['-1000000', undefined],
    ['-0.5000000', undefined],
    ['1e3000000', undefined],
    ['1e+15', undefined],
    ['500 MB000000', undefined],
    ['0,5000000', undefined],
    ['0x10000000', undefined],
    ['.000000', undefined],
    ['99999999999999999999', undefined],
  ];
  for (const [text, bytes] of table) assert.equal(splitSizeBytes(text), bytes, JSON.stringify(text));
});

test('the stock argument lists are understood', () => {
  const expected = {
    tarCreatePath: TAR_CREATE,
    host: 'testhost',
    number: 3,
    compPath: '/bin/cat',
    extension: '',
    splitSize: 0,
    outLoc: '/var/archive',
    share: '*',
    shareArgument: '*',
    remarks: [],
  };
  assert.deepEqual(parseArguments(STOCK, rules), expected);
  const web = [
    TAR_CREATE,
    '/usr/bin/split',
    '',
    'testhost',
    '3',
    '/bin/cat',
    '.raw',
    '0.5000000',
    'my "place" $(x)',
    '',
    '*',
  ];
  assert.deepEqual(parseArguments(web, rules), {
    ...expected,
    extension: '.raw',
    splitSize: 500_000,
    outLoc: 'my "place" $(x)',
  });
  assert.equal(parseArguments(withArgument(4, '0007'), rules).number, 7);
  assert.equal(parseArguments(withArgument(3, 'web.1 (old)@home'), rules).host, 'web.1 (old)@home');
});

test('each bad argument has a reason', () => {
  const table: [index: number, text: string, reason: string][] = [
    [0, '', 'tarCreatePath is empty'],
    [0, '/etc/passwd', 'tarCreatePath "/etc/passwd" is not an executable file'],
    [3, '', 'host "" is empty'],
    [3, '../x', 'host "../x" contains "/"'],
    [3, 'a\tb', 'host "a\\tb" contains a control character'],
    [3, '..', 'host ".." is not a host name'],
    [3, '-rf', 'host "-rf" is not a host name'],
    [4, '-1', 'bkupNum "-1" is not a backup number'],
    [4, 'all', 'bkupNum "all" is not a backup number'],
    [4, '', 'bkupNum "" is not a backup number'],
    [6, '/../x', 'fileExt "/../x" is not a file name extension such as .gz'],
    [
      7,
      '-1000000',
      'splitSize "-1000000" is not a number of bytes (in the web form: of megabytes, such as 500 or 0.5; 0 for no splitting)',
    ],
    [8, '', 'outLoc is empty: give a directory for local state'],
    [10, '', 'share is empty: give * for all shares'],
  ];
  for (const [index, text, message] of table) {
    assert.throws(
      () => parseArguments(withArgument(index, text), rules),
      (thrown) => thrown instanceof Failure && thrown.kind === 'usage' && thrown.message === message,
      message,
    );
  }
});

test('all problems are reported at once', () => {
  const bad = ['/nowhere', '', '', 'a/b', 'x', '', '', '1e3000000', '', '', '*'];
  assert.throws(
    () => parseArguments(bad, rules),
    (thrown) => {
      assert.ok(thrown instanceof Failure);
      for (const word of ['tarCreatePath', 'host', 'bkupNum', 'splitSize', 'outLoc'])
        assert.match(thrown.message, new RegExp(word));
      assert.doesNotMatch(thrown.message, /[\n\r\t]/);
      return true;
    },
  );
});

test('a wrong number of arguments is refused with their names', () => {
  for (const positionals of [[], STOCK.slice(1), [...STOCK, 'x']]) {
    assert.throws(
      () => parseArguments(positionals, rules),
      (thrown) =>
        thrown instanceof Failure &&
        thrown.kind === 'usage' &&
        /tarCreatePath splitPath parPath host/.test(thrown.hint ?? ''),
    );
  }
});

test('--split-size makes the positional irrelevant', () => {
  assert.equal(parseArguments(withArgument(7, '1e3000000'), { ...rules, splitSize: 5 }).splitSize, 5);
});

test('parity that is requested but not made is reported; without a request nothing is said', () => {
  const remarksOf = (parFile: string): readonly string[] =>
    parseArguments(withArgument(9, parFile), rules).remarks;
  for (const none of ['', '0', '00']) assert.deepEqual(remarksOf(none), []);
  const [remark = ''] = remarksOf('10');
  assert.match(remark, /^\$parfile is "10": no par2 files are made/);
});

test('a split size that nobody means in bytes is taken for megabytes, which is reported once', () => {
  const table: [text: string, bytes: number, said: boolean][] = [
    ['500', 500_000_000, true],
    ['1', 1_000_000, true],
    ['0.5000000', 500_000, false],
    ['99999', 99_999_000_000, true],
    ['100000', 100_000, false],
    ['0000000', 0, false],
  ];
  for (const [text, bytes, said] of table) {
    const { splitSize, remarks } = parseArguments(withArgument(7, text), rules);
    assert.equal(splitSize, bytes, text);
    assert.equal(remarks.length, said ? 1 : 0, text);
  }
  assert.match(
    parseArguments(withArgument(7, '500'), rules).remarks.join(),
    /^\$splitsize is "500", in bytes: taken as 500 MB; give 500000000,/,
  );
});

test('a share is octets; what becomes part of a name must be UTF-8', () => {
  const share = Buffer.from('caf\xe9', 'latin1');
  const parsed = parseArguments([...STOCK.slice(0, -1), share], rules);
  assert.equal(parsed.share, 'caf\\xE9');
  assert.equal(parsed.shareArgument, share);
  const other = parseArguments([...STOCK.slice(0, -1), Buffer.from('caf\xe8', 'latin1')], rules);
  assert.notEqual(other.share, parsed.share);
  for (const [index, name] of [
    [3, 'host'],
    [8, 'outLoc'],
  ] as const) {
    assert.throws(
      () =>
        parseArguments(
          STOCK.map((word, i) => (i === index ? share : word)),
          rules,
        ),
      (thrown) =>
        thrown instanceof Failure &&
        thrown.message.startsWith(`${name} "caf`) &&
        thrown.message.endsWith('is not UTF-8'),
    );
  }
});
