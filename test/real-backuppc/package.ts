/** Debian's package `backuppc`, wanted for its code. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { needPrograms, skipped, type Program } from '../support/debian.js';

export const PACKAGED = '/usr/share/backuppc';
/** Unpacked is not enough: another test file may be installing it at this moment. */
const IS_INSTALLED = [
  'sh',
  '-c',
  `test "$(dpkg-query --show --showformat='\${db:Status-Status}' backuppc)" = installed`,
] as const;
const PACKAGES: readonly Program[] = [
  { package: 'backuppc', check: IS_INSTALLED },
  // BackupPC wants some web server and some mail server: these two are small. Only installed together with it.
  { package: 'micro-httpd', check: IS_INSTALLED },
  { package: 'nullmailer', check: IS_INSTALLED },
  { package: 'rsync', check: ['rsync', '--version'] },
  { package: 'gnupg', check: ['gpg', '--version'] },
];

/** @returns false, or why the suite has to be skipped. Never skipped with CI=true. */
export function needBackupPc(): false | string {
  const wasThere = existsSync(PACKAGED);
  const reason = needPrograms(PACKAGES);
  // Debian starts what it installs, but here it is only wanted for its code.
  if (reason === false && !wasThere && existsSync('/run/systemd/system'))
    spawnSync('systemctl', ['disable', '--now', 'backuppc']);
  if (reason !== false || process.getuid?.() === 0) return reason;
  return skipped('BackupPC has to run as its own user, and only root can start it so');
}
