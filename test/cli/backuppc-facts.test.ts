import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { archiveDestinations } from '../../src/cli/run/backuppc-facts.js';

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
