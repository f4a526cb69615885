/** The text that configures BackupPC, ready to paste. Pure. See docs/installation.md for the reasons. */

import { BIN_DIRECTORY } from '../../backuppc/defaults.js';

export interface BackupPcPlace {
  /** An archive host is a host of BackupPC that is never backed up. */
  readonly archiveHost: string;
  readonly user: string;
  readonly group: string;
  /** BackupPC's own: `/etc/backuppc` and `/var/lib/backuppc` on Debian. */
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** Of BackupPC's programs: `/usr/share/backuppc/bin` on Debian. */
  readonly binDirectory: string;
  /** Absolute path of `BackupPC_archiveHost_b2`. */
  readonly launcher: string;
  /** Absolute path of `backuppc-b2`. */
  readonly program: string;
  /** Of our configuration, if it is not in a usual place. */
  readonly configFile: string | undefined;
  /** Where an unfinished archive keeps its journal. */
  readonly stateDirectory: string;
}

/** Ten days: it caps a whole request, all its hosts together. */
const CLIENT_TIMEOUT_SECONDS = 864_000;

/** A fixed string: Perl expands nothing in it, BackupPC only its own variables. */
export function archiveClientCmd({ launcher, configFile }: BackupPcPlace): string {
  const config = configFile === undefined ? '' : ` --config ${configFile}`;
  return (
    `${perl(launcher + config)}\n` +
    `  . ' $tarCreatePath $splitpath $parpath $host $backupnumber'\n` +
    `  . ' $compression $compext $splitsize $archiveloc $parfile *'`
  );
}

export function archiveHostSettings(place: BackupPcPlace): string {
  return `$Conf{XferMethod} = 'archive';
$Conf{ArchiveDest} = ${perl(place.stateDirectory)};
$Conf{ArchiveComp} = 'none';
$Conf{ClientTimeout} = ${CLIENT_TIMEOUT_SECONDS};
$Conf{ArchiveClientCmd} = ${archiveClientCmd(place)};
`;
}

/** Commands for root's shell. */
export function pasteText(place: BackupPcPlace): string {
  const { archiveHost, user, group, configDirectory, dataDirectory, binDirectory } = place;
  const settings = `${configDirectory}/${archiveHost}.pl`;
  const config = place.configFile === undefined ? '' : ` --config ${place.configFile}`;
  const asUser = `su -s /bin/sh ${user} -c`;
  // Elsewhere than on Debian there may be no systemd, as in a container.
  const reload =
    binDirectory === BIN_DIRECTORY
      ? 'systemctl reload backuppc'
      : `${asUser} '${binDirectory}/BackupPC_serverMesg server reload'`;
  return `Now tell BackupPC, as root:

echo '${archiveHost} 0 ${user}' >> ${configDirectory}/hosts
install -d -o ${user} -g ${group} -m 750 ${dataDirectory}/pc/${archiveHost}
cat > ${settings} <<'END'
${archiveHostSettings(place)}END
chown ${user}:${group} ${settings}
${reload}

Then archive the newest backup of a host, and look:

${asUser} '${binDirectory}/BackupPC_archiveStart ${archiveHost} ${user} HOST'
${asUser} '${place.program}${config} status; ${place.program}${config} list'
`;
}

function perl(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
