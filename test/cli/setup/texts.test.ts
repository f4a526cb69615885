/** What setup writes and says, read by TOML's and Perl's own readers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { parse } from 'smol-toml';
import { archiveHostSettings, pasteText, type BackupPcPlace } from '../../../src/cli/setup/backuppc-text.js';
import { settingsText } from '../../../src/config/settings-text.js';

test('settings: in sections, numbers as numbers where that means the same, odd texts as they are', () => {
  const settings = {
    bwlimit: 'Mon-Fri 08:00,1M 19:00,off',
    workers: '2',
    key_id: '0050123456789ab',
    bucket: '12345678',
    application_key: 'K005"quoted\\',
    passphrase_file: ['/etc/a b', '/etc/c'],
    server_side_encryption: true,
  };
  const text = settingsText(settings, '2026-11-23');
  assert.deepEqual({ ...parse(text) }, { ...settings, workers: 2 });
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('# ')),
    [
      '# Written by backuppc-b2 setup, 2026-11-23. All settings: backuppc-b2 configuration',
      '# The account and the bucket',
      '# Who can read the archives',
      '# This machine',
      '# The line',
    ],
  );
});

const PLACE: BackupPcPlace = {
  archiveHost: 'archiveb2',
  user: 'backuppc',
  group: 'backuppc',
  configDirectory: '/etc/backuppc',
  dataDirectory: '/var/lib/backuppc',
  binDirectory: '/usr/share/backuppc/bin',
  launcher: '/usr/local/bin/BackupPC_archiveHost_b2',
  program: '/usr/local/bin/backuppc-b2',
  configFile: undefined,
  stateDirectory: '/var/lib/backuppc-b2',
};

/** What Perl makes of the archive host's file. */
function read(place: BackupPcPlace): Record<string, string> {
  const program = `our %Conf; ${archiveHostSettings(place)}; print map { "$_=$Conf{$_}\\n" } sort keys %Conf;`;
  const { status, stdout, stderr } = spawnSync('perl', ['-Mstrict', '-we', program], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return Object.fromEntries(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

test("the archive host's settings are Perl, the command one string with BackupPC's variables left alone", () => {
  assert.deepEqual(read(PLACE), {
    ArchiveClientCmd:
      '/usr/local/bin/BackupPC_archiveHost_b2 $tarCreatePath $splitpath $parpath $host $backupnumber $compression $compext $splitsize $archiveloc $parfile *',
    ArchiveComp: 'none',
    ArchiveDest: '/var/lib/backuppc-b2',
    ClientTimeout: '864000',
    XferMethod: 'archive',
  });
  const odd = read({ ...PLACE, configFile: '/etc/b2.toml', stateDirectory: "/srv/it's" });
  assert.match(odd['ArchiveClientCmd'] ?? '', /^\S+BackupPC_archiveHost_b2 --config \/etc\/b2\.toml \$tarC/);
  assert.equal(odd['ArchiveDest'], "/srv/it's");
});

test('what is to be pasted is a shell script', () => {
  const text = pasteText({ ...PLACE, configFile: '/etc/b2.toml' });
  const commands = text
    .split('\n')
    .filter((line) => !/^(Now|Then) /.test(line))
    .join('\n');
  const { status, stderr } = spawnSync('sh', ['-n'], { input: commands, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(
    text,
    /^su -s \/bin\/sh backuppc -c '\/usr\/local\/bin\/backuppc-b2 --config \/etc\/b2\.toml status/m,
  );
});

test("where BackupPC's programs are elsewhere, as in a container: they are called there, and no systemd is asked", () => {
  const text = pasteText({
    ...PLACE,
    binDirectory: '/usr/local/BackupPC/bin',
    dataDirectory: '/data/backuppc',
  });
  assert.match(text, /^su -s \/bin\/sh backuppc -c '\/usr\/local\/BackupPC\/bin\/BackupPC_archiveStart /m);
  assert.match(
    text,
    /^su -s \/bin\/sh backuppc -c '\/usr\/local\/BackupPC\/bin\/BackupPC_serverMesg server reload'$/m,
  );
  assert.match(text, / \/data\/backuppc\/pc\/archiveb2$/m);
  assert.doesNotMatch(text, /systemctl|usr\/share/);
  assert.match(pasteText(PLACE), /^systemctl reload backuppc$/m);
});
