import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  archiveHostOf,
  clientTimeoutSeconds,
  confValue,
  parseBackups,
  timeAdvice,
} from '../../src/backuppc/records.js';

/** Two lines of a Debian 12 `backups` file. */
const BACKUPS =
  '0\tfull\t1767225600\t1767225700\t2103\t341835776\t0\t0\t2103\t341835776\t0\t0\t0\t0\t3\t1\t0\t0\t\t1\trsync\t\tutf8\t4.4.0\n' +
  '1\tactive\t1767312000\t\t\t\t\t\t\t\n' +
  '7\tincr\t1767398400\t1767398410\t2104\t341835999\t1\t2\n';

test("BackupPC's list of backups", () => {
  assert.deepEqual(parseBackups(BACKUPS), [
    { number: 0, type: 'full', files: 2103, bytes: 341_835_776, endedAt: 1_767_225_700_000 },
    { number: 7, type: 'incr', files: 2104, bytes: 341_835_999, endedAt: 1_767_398_410_000 },
  ]);
  assert.deepEqual(parseBackups(''), []);
  assert.deepEqual(parseBackups('not\na\tlist\n'), []);
});

test('values of a Perl configuration, as far as its text tells', () => {
  const table: [text: string, value: string | undefined][] = [
    ['$Conf{ClientTimeout} = 72000;', '72000'],
    ['# $Conf{ClientTimeout} = 1;\n$Conf{ClientTimeout} = 72000;\n', '72000'],
    ['$Conf{ClientTimeout} = 1;\n$Conf{ClientTimeout} = 2;', '2'],
    ["$Conf{'ClientTimeout'}='86400';", '86400'],
    ['$Conf{ClientTimeout} = 20 * 3600;', '72000'],
    ['$Conf{ClientTimeout} = 1_000;', '1000'],
    ['$Conf{ClientTimeout} = $x;', undefined],
    ['$Conf{ClientTimeoutX} = 5;', undefined],
    ['', undefined],
  ];
  for (const [text, value] of table) assert.equal(confValue(text, 'ClientTimeout'), value, text);
  assert.equal(clientTimeoutSeconds('$Conf{ClientTimeout} = 72000;', '$Conf{ClientTimeout} = 100;'), 100);
  assert.equal(clientTimeoutSeconds('$Conf{ClientTimeout} = 72000;', ''), 72_000);
  assert.equal(clientTimeoutSeconds('', ''), undefined);
});

test('the archive host is named by our parent', () => {
  assert.equal(
    archiveHostOf([
      '/usr/bin/perl',
      '/usr/share/backuppc/bin/BackupPC_archive',
      'backuppc',
      'archiveb2',
      'archiveReq.1.0',
    ]),
    'archiveb2',
  );
  assert.equal(archiveHostOf(['bash']), undefined);
});

test('whether BackupPC will wait long enough', () => {
  const day = { bytesPerSecond: 1_000_000, clientTimeoutSeconds: 72_000 };
  assert.equal(timeAdvice({ ...day, bytes: 50e9 }), undefined);
  assert.match(timeAdvice({ ...day, bytes: 60e9 }) ?? '', /16\.7 h.*may end it.*20\.0 h: set it to 122400/);
  assert.match(timeAdvice({ ...day, bytes: 100e9 }) ?? '', /27\.8 h.*will end it.*set it to 201600/);
  assert.equal(timeAdvice({ ...day, bytes: 100e9, clientTimeoutSeconds: 0 }), undefined);
});
