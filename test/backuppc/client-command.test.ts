import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientCommand, hasHost } from '../../src/backuppc/client-command.js';
import { archiveClientCmd } from '../../src/cli/setup/backuppc-text.js';

const ofText = (value: string): unknown => clientCommand(`$Conf{ArchiveClientCmd} = ${value}\n$Conf{X} = 1;`);

test('a string, joined strings, a list, and what takes Perl', () => {
  assert.deepEqual(ofText(`'/a/b $host  *';`), { kind: 'text', words: ['/a/b', '$host', '*'] });
  assert.deepEqual(ofText(`'/a/b'\n  . ' $host'\n . " x;y";`), {
    kind: 'text',
    words: ['/a/b', '$host', 'x;y'],
  });
  assert.deepEqual(ofText(`['/a/b', '$host', '*'];`), { kind: 'list', words: ['/a/b', '$host', '*'] });
  assert.deepEqual(ofText(`[\n  '/a/b',\n  '$host',\n];`), { kind: 'list', words: ['/a/b', '$host'] });
  assert.deepEqual(ofText(`"$x/b";`), { kind: 'unknown' });
  assert.deepEqual(ofText(`foo();`), { kind: 'unknown' });
  assert.deepEqual(ofText(`'it\\'s';`), { kind: 'text', words: ["it's"] });
  assert.equal(clientCommand('# $Conf{ArchiveClientCmd} = 1;'), undefined);
  const twice = `$Conf{ArchiveClientCmd} = 'a';\n$Conf{ArchiveClientCmd} = 'b';`;
  assert.deepEqual(clientCommand(twice), { kind: 'text', words: ['b'] });
});

test('what setup writes is understood', () => {
  const place = { launcher: "/opt/it's/BackupPC_archiveHost_b2", configFile: '/etc/x.toml' };
  const text = archiveClientCmd(place as Parameters<typeof archiveClientCmd>[0]);
  const command = clientCommand(`$Conf{ArchiveClientCmd} = ${text};`);
  assert.ok(command?.kind === 'text');
  assert.equal(command.words[0], "/opt/it's/BackupPC_archiveHost_b2");
  assert.equal(command.words.length, 14);
});

test('the hosts file', () => {
  const text = '#host dhcp user\nweb 0 backuppc\n  Archive.B2\t0 backuppc # x\n#no 0 x\n';
  for (const [host, is] of [
    ['web', true],
    ['archive.b2', true],
    ['no', false],
    ['host', false],
    ['we', false],
  ] as const)
    assert.equal(hasHost(text, host), is, host);
});
