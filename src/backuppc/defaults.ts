/** What BackupPC's side is called where nobody says otherwise. */
export const BIN_DIRECTORY = '/usr/share/backuppc/bin';
export const ARCHIVE_START = `${BIN_DIRECTORY}/BackupPC_archiveStart`;
export const ARCHIVE_HOST = 'archiveb2';
