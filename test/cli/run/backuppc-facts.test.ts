import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { archiveDestinations, backupRecord, clientTimeout } from '../../../src/cli/run/backuppc-facts.js';
import { readConfig } from '../../../src/config/read-config.js';

test('the journals of all archive hosts are found by their ArchiveDest', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'facts-'));
  try {
    mkdirSync(join(directory, 'pc'));
    writeFileSync(
      join(directory, 'config.pl'),
      "$Conf{ArchiveDest} = '/tmp';\n$Conf{ArchiveComp} = 'gzip';\n",
    );
    writeFileSync(join(directory, 'archiveb2.pl'), "  $Conf{ArchiveDest} = '/var/lib/backuppc-b2';\n");
    writeFileSync(join(directory, 'pc/other.pl'), '$Conf{ArchiveDest} = "/srv/two";\n');
    writeFileSync(join(directory, 'pc/web.pl'), "$Conf{XferMethod} = 'rsync';\n");
    writeFileSync(join(directory, 'hosts'), "$Conf{ArchiveDest} = '/no';\n");
    const found = await archiveDestinations(directory);
    assert.deepEqual(found.sort(), ['/srv/two', '/tmp', '/var/lib/backuppc-b2']);
    assert.deepEqual(await archiveDestinations(join(directory, 'nothing')), []);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the files of a BackupPC, and of none', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'facts-'));
  const configFor = (place: string) =>
    readConfig({ environment: {}, flags: { backuppc_data: join(place, 'data'), backuppc_config: place } });
  try {
    const config = configFor(directory);
    mkdirSync(join(directory, 'data/pc/web.1'), { recursive: true });
    mkdirSync(join(directory, 'pc'));
    writeFileSync(
      join(directory, 'data/pc/web.1/backups'),
      '0\tfull\t1767225600\t1767225700\t2103\t341835776\t0\t0\n7\tincr\t1767398400\t1767398410\t2104\t341835999\t1\t2\n',
    );
    writeFileSync(join(directory, 'config.pl'), '$Conf{ClientTimeout} = 72000;\n');
    writeFileSync(join(directory, 'pc/slow.pl'), '$Conf{ClientTimeout} = 100000;\n');
    writeFileSync(join(directory, 'beside.pl'), '$Conf{ClientTimeout} = 90000;\n');
    assert.deepEqual(await backupRecord(config, 'web.1', 7), {
      number: 7,
      type: 'incr',
      files: 2104,
      bytes: 341_835_999,
      endedAt: 1_767_398_410_000,
    });
    assert.equal(await backupRecord(config, 'web.1', 8), undefined);
    assert.equal(await clientTimeout(config, 'archiveb2'), 72_000);
    assert.equal(await clientTimeout(config, 'slow'), 100_000);
    assert.equal(await clientTimeout(config, 'beside'), 90_000);
    const none = configFor(join(directory, 'none'));
    assert.equal(await backupRecord(none, 'x', 1), undefined);
    assert.equal(await clientTimeout(none, 'x'), undefined);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
