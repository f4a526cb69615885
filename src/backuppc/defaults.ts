/** What BackupPC's side is called where nobody says otherwise. */
export const ARCHIVE_START = '/usr/share/backuppc/bin/BackupPC_archiveStart';
export const ARCHIVE_HOST = 'archiveb2';
