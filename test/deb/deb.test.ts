/** The Debian package in a bare Debian 13: installed, used as BackupPC uses it, upgraded, removed, purged. Root, debootstrap and a mirror. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BUCKET } from '../journeys/harness.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { needPrograms, skipWithoutRoot } from '../support/debian.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const LIBRARY = 'usr/lib/backuppc-b2';

const missing =
  skipWithoutRoot() ||
  needPrograms([
    { package: 'debootstrap', check: ['debootstrap', '--version'] },
    { package: 'dpkg', check: ['dpkg-deb', '--version'] },
  ]);

describe('the Debian package', { skip: missing }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'bb2-deb-'));
  const debian = join(scratch, 'debian');
  const inside = (path: string): string => join(debian, path);
  let server: B2Server;

  /** Not `spawnSync`: the server answers from this very process. */
  const must = async (...command: string[]): Promise<string> => {
    const { stdout, stderr } = await promisify(execFile)('chroot', [debian, ...command], {
      env: {
        HOME: '/var/lib/backuppc',
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        DEBIAN_FRONTEND: 'noninteractive',
        LC_ALL: 'C',
        B2_APPLICATION_KEY_ID: server.keyId,
        B2_APPLICATION_KEY: server.key,
      },
    });
    return stdout + stderr;
  };
  const asBackuppc = (script: string): Promise<string> =>
    must('setpriv', '--reuid=backuppc', '--regid=backuppc', '--clear-groups', 'sh', '-c', script);

  /** @returns its path inside */
  function built(version: string): string {
    const file = execFileSync(process.execPath, [join(root, 'src/packaging/deb/build.mjs'), scratch], {
      encoding: 'utf8',
      env: { ...process.env, DEB_VERSION: version },
    }).trim();
    execFileSync('cp', [file, debian]);
    return `/${basename(file)}`;
  }

  before(async () => {
    server = await startB2Server({ buckets: [BUCKET] });
    execFileSync(process.execPath, [join(root, 'src/packaging/bundle.mjs')]);
    const options = ['--variant=minbase', '--include=nodejs,gnupg,curl,man-db', 'trixie', debian];
    const { status, stdout } = spawnSync('debootstrap', options, { encoding: 'utf8' });
    assert.equal(status, 0, stdout.slice(-2000));
    execFileSync('mount', ['-t', 'proc', 'proc', inside('proc')]);
    await must('useradd', '--system', '--create-home', '--home-dir', '/var/lib/backuppc', 'backuppc');
  });
  after(async () => {
    spawnSync('umount', [inside('proc')]);
    rmSync(scratch, { recursive: true, force: true });
    rmSync(join(root, 'dist/bundle'), { recursive: true, force: true });
    await server.close();
  });

  it('installs, says what comes next, and starts from V8’s cache', async () => {
    const said = await must('apt-get', 'install', '-y', '--no-install-recommends', built('1.0.0'));
    assert.match(said, /run 'backuppc-b2 setup' as root/);
    const caches = readdirSync(inside(`${LIBRARY}/dist/bundle`)).filter((name) => name.endsWith('.cache'));
    assert.equal(caches.length, 1);
    assert.equal((await must('backuppc-b2', '--version')).trim(), '1.0.0');
    assert.match(await must('man', '--pager=cat', 'backuppc-b2'), /EXIT STATUS/i);
  });

  it('archives and restores as user backuppc, with BackupPC’s PATH', async () => {
    mkdirSync(inside('srv/tree'), { recursive: true });
    writeFileSync(inside('srv/tree/a.txt'), 'hello\n'.repeat(1000));
    writeFileSync(
      inside('srv/tarCreate'),
      "#!/bin/sh\ntar -C /srv/tree -cf - . && echo 'Done: 1 files, 6000 bytes, 1 dirs, 0 specials, 0 errors' >&2\n",
      { mode: 0o755 },
    );
    writeFileSync(inside('srv/passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
    await must('chown', 'backuppc:', '/srv/passphrase');
    const settings = `--endpoint ${server.url} --bucket ${BUCKET} --passphrase-file /srv/passphrase`;
    const door = '/usr/share/backuppc/bin/BackupPC_archiveHost_b2';
    await asBackuppc(
      `umask 077 && mkdir -p ~/b2 && PATH=/bin:/usr/bin ${door} ${settings} /srv/tarCreate /usr/bin/split '' web 1 /bin/gzip .gz 0000000 ~/b2 0 '*'`,
    );
    await asBackuppc(`PATH=/bin:/usr/bin backuppc-b2 restore --host web -C ~/out ${settings}`);
    assert.equal(readFileSync(inside('var/lib/backuppc/out/a.txt'), 'utf8'), 'hello\n'.repeat(1000));
  });

  it('for a recipient it says nothing of Node’s experiments: Debian 13’s calls Ed25519 one', async () => {
    const key = 'gpg --batch --quiet --passphrase "" --quick-generate-key away default default never';
    await asBackuppc(`umask 077 && mkdir -p ~/.gnupg && ${key} && gpg --armor --export away > ~/away.asc`);
    const settings = `--endpoint ${server.url} --bucket ${BUCKET} --state-dir ~/b2 --recipient ~/away.asc`;
    const said = await asBackuppc(
      `backuppc-b2 archive --host away --number 1 ${settings} -- tar -C /srv/tree -cf - . && backuppc-b2 verify ${settings} --host away`,
    );
    assert.match(said, /away #1: ok/);
    assert.doesNotMatch(said, /\(node:|Experimental/);
  });

  it('Debian 13’s gpg 2.4 reads every profile, for passphrases, recipients and both; so does the restore script', async () => {
    mkdirSync(inside('mnt/source'), { recursive: true });
    execFileSync('mount', ['--bind', root, inside('mnt/source')]);
    try {
      // Whatever removes the scratch directory must not reach through.
      execFileSync('mount', ['-o', 'remount,bind,ro', inside('mnt/source')]);
      assert.match(await must('gpg', '--version'), /^gpg \(GnuPG\) 2\.4/);
      const suites = ['sealing/interop', 'openpgp/vectors', 'restore-script/secret-key'].map(
        (suite) => `/mnt/source/dist/test/${suite}.test.js`,
      );
      await must('node', '--test', ...suites);
    } finally {
      spawnSync('umount', [inside('mnt/source')]);
    }
  });

  it('an upgrade keeps what its owner changed', async () => {
    appendFileSync(inside('etc/backuppc/backuppc-b2.nightly'), "hosts='web'\n");
    await must('apt-get', 'install', '-y', built('1.0.1'));
    assert.equal((await must('backuppc-b2', '--version')).trim(), '1.0.1');
    assert.match(readFileSync(inside('etc/backuppc/backuppc-b2.nightly'), 'utf8'), /hosts='web'\n$/);
  });

  it('removed, its files are gone; purged, everything but what opens archives', async () => {
    writeFileSync(inside('etc/backuppc/backuppc-b2.passphrase'), 'secret\n', { mode: 0o600 });
    await must('apt-get', 'remove', '-y', 'backuppc-b2');
    assert.ok(!existsSync(inside(LIBRARY)));
    assert.ok(existsSync(inside('etc/backuppc/backuppc-b2.nightly')));
    assert.match(await must('apt-get', 'purge', '-y', 'backuppc-b2'), /backuppc-b2\.passphrase stays/);
    assert.ok(!existsSync(inside('etc/backuppc/backuppc-b2.nightly')));
    assert.ok(existsSync(inside('etc/backuppc/backuppc-b2.passphrase')));
  });
});
